/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder's side of the conversation with the prober, and a prober that lies: packets
 * of any bytes and any length, answers that are cut, repeated, early, or to nobody, and ends
 * at any moment. The input is a sequence of operations.
 */
#include "config.h"
#include "../../fcgi/asker.h"
#include "input.h"
#include "state/ask.h"
#include <sys/socket.h>
#include <unistd.h>

enum { WAITERS = 8, QUESTIONS = 4, TARGETS = 3, HEARD = 4, INPUT_MAX = 2048 };

#define DIGEST "sha256:da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e"

static struct target targets[TARGETS] = {{.id = 0x1111}, {.id = 0x2222}, {.id = 0x3333}};

/* One who waits, and what is known of that. */
struct client {
    struct waiter waiter;
    struct world *world;
    size_t count; /* of the targets asked; 0: it does not wait */
    uint64_t deadline;
};

struct world {
    struct input input;
    struct asker *asker;
    struct client client[WAITERS];
    struct ask_question heard[HEARD]; /* what the prober was asked last */
    size_t heard_count;
    const struct ask_answer *answer; /* that is being taken; NULL: none */
    uint64_t now, left;              /* who have left */
    int prober, watched;             /* -1: none */
    bool unreachable;
};

/* ---- what the asker calls ---- */

static int connect_here(void *ctx)
{
    struct world *world = ctx;
    int pair[2];

    if (world->unreachable)
        return -1;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0,
         "sockets can be had");
    if (world->prober >= 0)
        close(world->prober);
    world->prober = pair[1];
    return pair[0];
}

static void watch(void *ctx, int fd)
{
    struct world *world = ctx;

    must((fd >= 0) != (world->watched >= 0), "a descriptor is watched, or no more");
    world->watched = fd;
}

static void over(struct waiter *waiter)
{
    struct client *client = waiter->ctx;
    const struct ask_answer *answer = client->world->answer;
    const struct findings *findings = &waiter->findings;

    must(client->count > 0, "who waits is over once");
    must(findings->count == 0 || findings->count == client->count, "all verdicts, or none");
    for (size_t i = 0; i < findings->count; i++) {
        must(answer && answer->target_count == findings->count, "they are an answer's");
        must(findings->holding[i] == (enum holding)answer->holding[i], "which is that of now");
        must(findings->holding[i] <= HOLDING_ABSENT, "a verdict is one");
        must(findings->target[i] >= targets && findings->target[i] < targets + TARGETS,
             "it is of a target");
    }
    client->count = 0;
}

/* ---- what must hold ---- */

static void check(const struct world *world)
{
    const struct asker_counters *counters = asker_counters(world->asker);
    uint64_t waiting = 0, due = UINT64_MAX;

    for (size_t i = 0; i < WAITERS; i++) {
        const struct client *client = &world->client[i];
        must((client->count > 0) == (client->waiter.question != NULL), "who waits has a question");
        waiting += client->count > 0;
        if (client->count > 0 && client->deadline < due)
            due = client->deadline;
    }
    must(asker_due(world->asker) == due, "the first deadline is the next");
    must(counters->wanted == waiting + world->left + counters->in_time + counters->late +
                                 counters->no_answer + counters->unanswered,
         "everybody is counted once");
    must(world->watched >= 0 || waiting == 0, "without a prober nobody waits");
}

/* ---- operations ---- */

static void do_ask(struct world *world)
{
    static const char *const names[] = {"app", "ap", "library/app", "a/b"};
    struct client *client = &world->client[take_below(&world->input, WAITERS)];
    unsigned byte = take_byte(&world->input);
    struct object object = {byte & 4 ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                            slice_of(names[byte % 4]), SLICE(DIGEST)};
    size_t count = 1 + byte / 8 % TARGETS;
    const struct target *list[TARGETS];
    unsigned wait_ms = asker_wait_ms(byte & 128 ? byte : 0);

    if (client->count > 0)
        return;
    for (size_t i = 0; i < count; i++)
        list[i] = &targets[(i + byte / 32) % TARGETS];
    client->waiter = (struct waiter){.over = over, .ctx = client};
    if (!asker_ask(world->asker, &client->waiter, &object, list, count, wait_ms, world->now))
        return;
    client->count = count;
    client->deadline = world->now + wait_ms;
}

static void do_leave(struct world *world)
{
    struct client *client = &world->client[take_below(&world->input, WAITERS)];

    asker_leave(world->asker, &client->waiter);
    world->left += client->count > 0;
    client->count = 0;
}

static void do_hear(struct world *world)
{
    struct ask_question question = {0};

    if (world->prober < 0 || recv(world->prober, &question, sizeof question, MSG_DONTWAIT) <= 0)
        return;
    world->heard[world->heard_count++ % HEARD] = question;
}

/* Sends a packet, and has the asker take it at once. */
static void say(struct world *world, const void *packet, size_t len)
{
    struct ask_answer answer = {0};

    if (world->prober < 0)
        return;
    memcpy(&answer, packet, len < sizeof answer ? len : sizeof answer);
    (void)!send(world->prober, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    world->answer = len == sizeof answer ? &answer : NULL;
    asker_receive(world->asker, world->now);
    world->answer = NULL;
}

/* An answer to what was asked, or one that is near to it. */
static void do_answer(struct world *world)
{
    const struct ask_question *question = &world->heard[take_below(&world->input, HEARD)];
    unsigned how = take_byte(&world->input);
    struct ask_answer answer = {
        .version = ASK_VERSION, .id = question->id, .target_count = question->target_count};

    for (size_t i = 0; i < ASK_TARGETS_MAX; i++)
        answer.holding[i] = (uint8_t)((how >> i % 4 & 3) % 3);
    if (how & 32)
        answer.target_count = (uint8_t)(how % 4);
    if (how & 64)
        ((uint8_t *)&answer)[take_below(&world->input, sizeof answer)] =
            (uint8_t)take_byte(&world->input);
    say(world, &answer, how & 128 ? take_below(&world->input, sizeof answer + 1) : sizeof answer);
}

static void do_lie(struct world *world)
{
    struct slice bytes = take_bytes(&world->input, take_byte(&world->input) * 4);

    say(world, bytes.at, bytes.len);
}

/* Whatever has come is taken, also the end of the connection. */
static void do_receive(struct world *world)
{
    asker_receive(world->asker, world->now);
}

static void do_end(struct world *world)
{
    if (world->prober >= 0)
        close(world->prober);
    world->prober = -1;
    if (take_byte(&world->input) & 1)
        asker_receive(world->asker, world->now);
}

static void do_disconnect(struct world *world)
{
    asker_disconnect(world->asker);
    must(world->watched < 0, "a closed descriptor is not watched");
}

static void do_time(struct world *world)
{
    static const uint64_t steps[] = {1, 50, 300, 1000, 1500, 10000, 86400000};

    world->now += steps[take_below(&world->input, sizeof steps / sizeof *steps)];
    asker_expire(world->asker, world->now);
    must(asker_due(world->asker) > world->now, "who is late waits no more");
}

static void do_reach(struct world *world)
{
    world->unreachable = !world->unreachable;
}

/* Until there is no room. */
static void do_notes(struct world *world)
{
    struct object object = {ENDPOINT_BLOBS, SLICE("app"), SLICE(DIGEST)};
    unsigned count = take_byte(&world->input);

    while (count-- > 0 && asker_note_use(world->asker, &targets[count % TARGETS],
                                         count & 1 ? &object : NULL, world->now))
        ;
}

static void (*const operations[])(struct world *world) = {
    do_ask,  do_ask, do_hear,       do_answer, do_answer, do_lie,  do_receive,
    do_time, do_end, do_disconnect, do_leave,  do_reach,  do_notes};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.input = {data, size < INPUT_MAX ? size : INPUT_MAX},
                          .now = 1000,
                          .prober = -1,
                          .watched = -1};
    struct asker_settings settings = {
        .questions = QUESTIONS, .ctx = &world, .watch = watch, .connect = connect_here};

    world.asker = asker_new(&settings);
    must(world.asker, "there is memory");
    for (size_t i = 0; i < WAITERS; i++)
        world.client[i].world = &world;
    while (world.input.left > 0) {
        operations[take_below(&world.input, sizeof operations / sizeof *operations)](&world);
        check(&world);
    }
    asker_free(world.asker);
    for (size_t i = 0; i < WAITERS; i++)
        must(world.client[i].count == 0, "at the end nobody waits");
    if (world.prober >= 0)
        close(world.prober);
    return 0;
}
