/* SPDX-License-Identifier: Apache-2.0 */
/* The responder's side of the conversation with the prober, which is a socket of the test's. */
#include "config.h"
#include "../../fcgi/asker.h"
#include "../../fcgi/usage.h"
#include "../../src/state/ask.h"
#include "tap.h"
#include "tight.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUESTIONS = 4, WAITERS = 8 };

#define DIGEST "sha256:da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e"

static struct asker *asker;
static const struct asker_counters *count;
static struct target targets[] = {{.id = 0x1111}, {.id = 0x2222}, {.id = 0x3333}};
static int prober;     /* the other end, -1: none */
static int watched;    /* what is to be watched */
static int tries;      /* to connect */
static bool reachable; /* whether that works */
static unsigned ended;
static struct waiter waiters[WAITERS], *last_ended;

static int connect_here(void *ctx)
{
    int pair[2];
    (void)ctx;
    tries++;
    if (!reachable || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
        return -1;
    if (prober >= 0)
        close(prober);
    prober = pair[1];
    return pair[0];
}

static void watch(void *ctx, int fd)
{
    (void)ctx;
    watched = fd;
}

static void over(struct waiter *waiter)
{
    ended++;
    last_ended = waiter;
}

static void start(void)
{
    struct asker_settings settings = {
        .questions = QUESTIONS, .watch = watch, .connect = connect_here};
    asker = asker_new(&settings);
    count = asker_counters(asker);
    prober = watched = -1;
    tries = 0;
    ended = 0;
    last_ended = NULL;
    reachable = true;
    for (size_t i = 0; i < WAITERS; i++)
        waiters[i] = (struct waiter){.over = over};
}

static void stop(void)
{
    asker_free(asker);
    if (prober >= 0)
        close(prober);
    prober = -1;
}

/* Asks on behalf of a waiter about a blob of this name, at so many targets. */
static bool ask_for(unsigned waiter, const char *name, size_t target_count, unsigned wait_ms,
                    uint64_t now)
{
    const struct target *list[] = {&targets[0], &targets[1], &targets[2]};
    struct object object = {ENDPOINT_BLOBS, slice_of(name), SLICE(DIGEST)};
    return asker_ask(asker, &waiters[waiter], &object, list, target_count, wait_ms, now);
}

/* The next question that the prober gets; 0 if there is none, else its length. */
static size_t hear(struct ask_question *question)
{
    ssize_t n = prober < 0 ? -1 : recv(prober, question, sizeof *question, MSG_DONTWAIT);
    return n < 0 ? 0 : (size_t)n;
}

static void reply(uint32_t id, unsigned target_count, enum holding holding)
{
    struct ask_answer answer = ask_new_answer(id, target_count);
    for (unsigned i = 0; i < target_count && i < ASK_TARGETS_MAX; i++)
        answer.holding[i] = (uint8_t)holding;
    ok(send(prober, &answer, sizeof answer, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof answer,
       "the prober answers");
}

static void test_answer(void)
{
    struct ask_question question;
    struct object object;
    start();
    cmp_ok(tries, ==, 0, "no connection is made before one is wanted");
    ok(ask_for(0, "app", 2, 300, 1000), "a question is asked");
    cmp_ok(tries, ==, 1, "over a new connection");
    ok(watched >= 0, "which is to be watched");
    size_t len = hear(&question);
    ok(ask_read(&question, len, &object), "the prober understands it");
    ok(slice_equal(object.name, SLICE("app")) && slice_equal(object.digest, SLICE(DIGEST)) &&
           object.endpoint == ENDPOINT_BLOBS,
       "which object");
    ok(question.target_count == 2 && question.target[0] == 0x1111 && question.target[1] == 0x2222,
       "at which targets");
    cmp_ok(asker_due(asker), ==, 1300, "the waiter's time ends with its deadline");
    reply(question.id, 2, HOLDING_ABSENT);
    asker_receive(asker, 1010);
    cmp_ok(ended, ==, 1, "it is over");
    const struct findings *findings = &waiters[0].findings;
    ok(findings->count == 2 && findings->target[0] == &targets[0] &&
           findings->target[1] == &targets[1] && findings->holding[0] == HOLDING_ABSENT &&
           findings->holding[1] == HOLDING_ABSENT,
       "and the findings are there");
    ok(asker_due(asker) == UINT64_MAX, "nobody waits any more");
    ok(ask_for(1, "app", 2, 300, 1020) && hear(&question), "what was answered can be asked again");
    cmp_ok(tries, ==, 1, "over the same connection");
    ok(count->asked == 2 && count->in_time == 1 && count->connected == 1, "all of it is counted");
    stop();
    cmp_ok(ended, ==, 2, "at the end, whoever waits is over");
    cmp_ok(waiters[1].findings.count, ==, 0, "with nothing");
    cmp_ok(watched, ==, -1, "and nothing is to be watched");
}

static void test_sharing(void)
{
    struct ask_question question, other;
    start();
    ok(ask_for(0, "app", 1, 300, 1000) && ask_for(1, "app", 1, 1500, 1001) &&
           ask_for(2, "app", 1, 600, 1002),
       "three want to know the same");
    ok(hear(&question) && !hear(&other), "the prober is asked once");
    ok(ask_for(3, "app", 2, 300, 1003) && hear(&other), "of other targets, it is asked for itself");
    ok(ask_for(4, "ap", 1, 300, 1003) && hear(&other), "of another name, too");
    asker_leave(asker, &waiters[1]);
    asker_leave(asker, &waiters[1]);
    reply(question.id, 1, HOLDING_PRESENT);
    asker_receive(asker, 1010);
    cmp_ok(ended, ==, 2, "those of the three who have not left are over");
    ok(waiters[0].findings.count == 1 && waiters[2].findings.holding[0] == HOLDING_PRESENT &&
           waiters[1].findings.count == 0,
       "with the findings");
    cmp_ok(count->shared, ==, 2, "sharing is counted");
    stop();
}

static void test_deadlines(void)
{
    struct ask_question question;
    start();
    ask_for(0, "app", 1, 1500, 1000);
    ask_for(1, "app", 1, 300, 1000);
    ask_for(2, "other", 1, 600, 1000);
    hear(&question);
    cmp_ok(asker_due(asker), ==, 1300, "the first deadline counts");
    asker_expire(asker, 1299);
    cmp_ok(ended, ==, 0, "before it nothing happens");
    asker_expire(asker, 1300);
    ok(ended == 1 && last_ended == &waiters[1], "then it is over for that one");
    cmp_ok(waiters[1].findings.count, ==, 0, "without findings");
    cmp_ok(asker_due(asker), ==, 1600, "the next one is in another question");
    asker_expire(asker, 9000);
    cmp_ok(ended, ==, 3, "all come to their end");
    cmp_ok(count->late, ==, 3, "and are counted");

    ok(ask_for(3, "app", 1, 300, 9000) && count->shared == 2,
       "what is still in flight is not asked again");
    reply(question.id, 1, HOLDING_PRESENT);
    asker_receive(asker, 9100);
    ok(ended == 4 && waiters[3].findings.count == 1, "and its late answer helps who waits then");
    ok(ask_for(4, "other", 1, 300, 11100) && count->asked == 3,
       "what has gone unanswered for 10 s is asked again");
    stop();
}

static void test_waits(void)
{
    cmp_ok(asker_wait_ms(0), ==, 1500, "a target not measured is waited for for 1.5 s");
    cmp_ok(asker_wait_ms(1), ==, 300, "a near one for 300 ms");
    cmp_ok(asker_wait_ms(75), ==, 300, "75 ms: 300");
    cmp_ok(asker_wait_ms(100), ==, 400, "100 ms: 400");
    cmp_ok(asker_wait_ms(375), ==, 1500, "375 ms: 1,500");
    cmp_ok(asker_wait_ms(376), ==, 1500, "376 ms: no more than that");
    cmp_ok(asker_wait_ms(4000000000), ==, 1500, "any number of ms");
}

static void test_no_prober(void)
{
    start();
    reachable = false;
    ok(!ask_for(0, "app", 1, 300, 1000), "without a prober there is no waiting");
    ok(!ask_for(0, "app", 1, 300, 1049) && tries == 1, "it is not looked for each time");
    ok(!asker_send(asker, "report", 6, 0, 1049), "nor does anything else reach it");
    ok(!ask_for(0, "app", 1, 300, 1050) && tries == 2, "but again, 50 ms later");
    ok(!ask_for(0, "app", 1, 300, 1149) && tries == 2, "then 100 ms");
    uint64_t now = 1150;
    for (int i = 0; i < 10; i++)
        ask_for(0, "app", 1, 300, now += 1000);
    tries = 0;
    for (int i = 0; i < 100; i++)
        ask_for(0, "app", 1, 300, now += 100);
    cmp_ok(tries, ==, 10, "in the end once a second");
    reachable = true;
    ok(!ask_for(0, "app", 1, 300, now), "until then there is none");
    ok(ask_for(0, "app", 1, 300, now + 1000), "and then there is");
    ok(count->no_answer > 100 && count->asked == 1, "all of it is counted");
    stop();
}

static void test_full(void)
{
    int small = 1;
    start();
    ask_for(0, "first", 1, 300, 1000);
    setsockopt(watched, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    unsigned sent = 1;
    char name[16];
    /* Each is left at once, so that its slot can be taken again. */
    for (; sent < 100000; sent++) {
        snprintf(name, sizeof name, "app-%u", sent);
        if (!ask_for(1, name, 1, 300, 1000))
            break;
        asker_leave(asker, &waiters[1]);
    }
    ok(sent < 100000, "a full socket means no answer at once (after %u questions)", sent);
    ok(ended == 0 && watched >= 0, "but the connection stays, and who waits goes on waiting");
    struct ask_question question;
    while (hear(&question))
        ;
    ok(ask_for(1, "again", 1, 300, 1000), "when there is room again, so does the asking");
    stop();
}

static void test_slots(void)
{
    struct ask_question first, question;
    start();
    ask_for(0, "a", 1, 300, 1000);
    hear(&first);
    ask_for(1, "b", 1, 900, 1000);
    ask_for(2, "c", 1, 900, 1000);
    ask_for(3, "d", 1, 900, 1000);
    ok(!ask_for(4, "e", 1, 900, 1000), "there is a limit to questions that somebody waits for");
    asker_expire(asker, 1300);
    ok(ask_for(4, "e", 1, 900, 1300), "one that nobody waits for makes room");
    while (hear(&question))
        ;
    ok(question.id != first.id, "and the new one has another number");
    reply(first.id, 1, HOLDING_PRESENT);
    reply(0xffffffff, 1, HOLDING_PRESENT);
    reply(3, 1, HOLDING_PRESENT);
    asker_receive(asker, 1310);
    ok(ended == 1 && count->stray == 3, "answers to no question do nothing");
    ok(watched >= 0, "and end nothing");
    reply(question.id, 1, HOLDING_PRESENT);
    asker_receive(asker, 1310);
    ok(ended == 2 && last_ended == &waiters[4], "the right one does");
    reply(question.id, 1, HOLDING_PRESENT);
    asker_receive(asker, 1310);
    ok(ended == 2 && count->stray == 4, "a second one to the same question does not");
    stop();
}

static void test_death(void)
{
    start();
    ask_for(0, "a", 1, 300, 1000);
    ask_for(1, "b", 1, 900, 1000);
    close(prober);
    prober = -1;
    asker_receive(asker, 1010);
    ok(ended == 2 && watched == -1, "when the prober dies, all waiting is over at once");
    ok(waiters[0].findings.count == 0 && count->unanswered == 2, "with nothing");
    ok(!ask_for(2, "c", 1, 300, 1059), "the next connection is made a moment later");
    ok(ask_for(2, "c", 1, 300, 1060) && count->connected == 2, "and works");
    close(prober);
    prober = -1;
    ok(!ask_for(3, "d", 1, 300, 1070), "that it is dead may be seen when it is asked");
    ok(ended == 3 && last_ended == &waiters[2], "which ends the waiting of others");
    stop();
}

/* Sends bytes as an answer to a question, after which the connection must have ended. */
static void malformed(const void *bytes, size_t len, const char *what)
{
    unsigned before = ended;
    uint64_t bad = count->malformed;
    if (prober < 0)
        return;
    ok(send(prober, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len, "%s", what);
    asker_receive(asker, 1010);
    ok(ended == before + 1 && watched == -1 && count->malformed == bad + 1,
       "ends the connection and the waiting");
}

static struct ask_answer answer_now(void)
{
    struct ask_question question = {.id = 0};
    start();
    ask_for(0, "a", 2, 300, 1000);
    hear(&question);
    return (struct ask_answer){.version = ASK_VERSION,
                               .id = question.id,
                               .target_count = 2,
                               .holding = {HOLDING_PRESENT, HOLDING_PRESENT}};
}

static void test_malformed(void)
{
    struct ask_answer answer = answer_now();
    malformed(&answer, sizeof answer - 1, "an answer that is too short");
    stop();
    struct {
        struct ask_answer answer;
        char more;
    } longer = {answer_now(), 0};
    malformed(&longer, sizeof answer + 1, "one that is too long");
    stop();
    answer = answer_now();
    answer.version++;
    malformed(&answer, sizeof answer, "one of another version");
    stop();
    answer = answer_now();
    answer.target_count = 1;
    malformed(&answer, sizeof answer, "one about fewer targets");
    stop();
    answer = answer_now();
    answer.target_count = 255;
    malformed(&answer, sizeof answer, "one about more targets than there can be");
    stop();
    answer = answer_now();
    answer.holding[1] = HOLDING_ABSENT + 1;
    malformed(&answer, sizeof answer, "one with a verdict that there is not");
    stop();
    answer = answer_now();
    malformed("x", 1, "a single byte");
    stop();
}

/* What a prober before 0.3 sent behind the verdicts had no meaning. */
static void test_trouble(void)
{
    const struct findings *findings = &waiters[0].findings;
    struct ask_question question;

    start();
    for (int i = 0; i < 2; i++) {
        ok(ask_for(0, "app", 2, 300, 1000) && hear(&question), "a question is asked");
        struct ask_answer answer = ask_new_answer(question.id, 2);
        answer.holding[0] = HOLDING_ABSENT;
        answer.in_trouble = 0xff;
        if (i)
            answer.mark = 0xa5a5;
        send(prober, &answer, sizeof answer, MSG_NOSIGNAL);
        asker_receive(asker, 1010);
        ok(findings->count == 2 && findings->holding[0] == HOLDING_ABSENT, "and answered");
        ok(!findings->in_trouble[0] && findings->in_trouble[1] == !i, "%s",
           i ? "without the mark there is no trouble" : "a target that is not known has trouble");
    }
    stop();
}

static void test_use(void)
{
    struct ask_question question;
    start();
    ok(asker_note_use(asker, &targets[2], NULL, 1000), "a note is sent");
    size_t len = hear(&question);
    ok(ask_is_use(&question, len) && question.target_count == 1 && question.target[0] == 0x3333,
       "the prober is told which target is in use");
    ok(asker_send(asker, "x", 1, 1000, 1000), "a note for which one would wait");
    cmp_ok(hear(&question), ==, 1, "is sent at once, if it can be");
    stop();
}

/* Of what clients ask for, only what the prober can be asked for is told. */
static void test_usage(void)
{
    struct config config = {.targets = targets, .target_count = 3};
    struct object referrers = {ENDPOINT_REFERRERS, SLICE("team/app"), SLICE("sha256:" HEX64)};
    struct object blob = {ENDPOINT_BLOBS, SLICE("team/app"), SLICE("sha256:" HEX64)};
    struct usage *usage = usage_new(&config, 1);
    struct ask_question question;
    struct object object;
    start();
    usage_note(usage, &targets[2], &referrers);
    usage_tell(usage, asker, 1000);
    ok(ask_is_use(&question, hear(&question)), "referrers of a digest are no object");
    usage_note(usage, &targets[2], &blob);
    usage_tell(usage, asker, 2000);
    usage_tell(usage, asker, 30000);
    size_t len = hear(&question);
    ok(ask_read(&question, len, &object) && question.id == ASK_NO_ID, "a blob is one");
    usage_free(usage);
    stop();
}

/* ---- the real socket ---- */

static int listen_in(const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" ASK_SOCKET, directory);
    bool listens = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 5) == 0;
    ok(listens, "a prober listens");
    return fd;
}

/* Connects to the prober of a directory. */
static int connect_to(const char *directory, struct why *why)
{
    struct state state;
    state_begin(&state, directory);
    int fd = ask_connect(&state, why);
    state_end(&state);
    return fd;
}

static void test_connect(void)
{
    char directory[] = "/tmp/test_asker-XXXXXX", file[64];
    struct why why;
    ok(mkdtemp(directory) != NULL, "a state directory");
    snprintf(file, sizeof file, "%s/" ASK_SOCKET, directory);
    cmp_ok(connect_to(directory, &why), ==, -1, "nobody is there");
    is(why.text, "", "which is nothing to complain of");
    int listener = listen_in(directory);
    int fd = connect_to(directory, &why);
    ok(fd >= 0, "a prober of this user is connected to");
    ok(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC,
       "without blocking, and for this program alone");
    close(fd);
    int input = dup(STDIN_FILENO), opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct state state = {.name = directory, .fd = dup2(opened, STDIN_FILENO)};
    close(opened);
    fd = ask_connect(&state, &why);
    ok(fd > 0, "also if the directory has the descriptor 0");
    close(fd);
    if (input < 0)
        close(STDIN_FILENO);
    else
        dup2(input, STDIN_FILENO), close(input);
    chmod(directory, 0777);
    cmp_ok(connect_to(directory, &why), ==, -1, "a directory for everybody is refused");
    chmod(directory, 0700);
    close(listener);
    cmp_ok(connect_to(directory, &why), ==, -1, "a socket without a process behind it");
    unlink(file);
    rmdir(directory);
    cmp_ok(connect_to(directory, &why), ==, -1, "no directory");
    is(why.text, "", "whose reason is told elsewhere");
}

/* What was checked counts, not what has its name now. */
static void test_moved(void)
{
    char directory[] = "/tmp/test_asker-XXXXXX", former[64], file[64];
    struct state state;
    struct why why;
    ok(mkdtemp(directory) != NULL, "a state directory");
    state_begin(&state, directory);
    snprintf(former, sizeof former, "%s-former", directory);
    snprintf(file, sizeof file, "%s/" ASK_SOCKET, directory);
    ok(rename(directory, former) == 0 && mkdir(directory, 0700) == 0, "another one has its name");
    int listener = listen_in(directory);
    cmp_ok(ask_connect(&state, &why), ==, -1, "the prober of that one is not asked");
    close(listener);
    state_end(&state);
    unlink(file);
    rmdir(directory);
    rmdir(former);
}

/* A prober of another user, which takes root to make. */
static void test_stranger(void)
{
    char directory[] = "/tmp/test_asker-XXXXXX", file[64];
    struct why why;
    if (geteuid() != 0) {
        skip(6, "only root can be somebody else");
        return;
    }
    ok(mkdtemp(directory) != NULL, "a state directory");
    snprintf(file, sizeof file, "%s/" ASK_SOCKET, directory);
    chmod(directory, 0755);
    (void)!chown(directory, 65534, 65534);
    (void)!seteuid(65534);
    int listener = listen_in(directory);
    (void)!seteuid(0);
    (void)!chown(directory, 0, 0);
    cmp_ok(connect_to(directory, &why), ==, -1, "a process of another user is not asked");
    like(why.text, "65534", "and the reason names the user");
    close(listener);
    unlink(file);

    const gid_t group = 54321;
    chmod(directory, 02770);
    (void)!chown(directory, 0, group);
    (void)!setgroups(1, &group);
    (void)!seteuid(65534);
    listener = listen_in(directory);
    (void)!seteuid(0);
    (void)!setgroups(0, NULL);
    int fd = connect_to(directory, &why);
    ok(fd >= 0, "but for one that is in the directory's group");
    close(fd);
    close(listener);
    unlink(file);
    rmdir(directory);
}

int main(void)
{
    test_answer();
    test_sharing();
    test_deadlines();
    test_waits();
    test_no_prober();
    test_full();
    test_slots();
    test_death();
    test_malformed();
    test_trouble();
    test_use();
    test_usage();
    test_connect();
    test_moved();
    test_stranger();
    return done_testing();
}
