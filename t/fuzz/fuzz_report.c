/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of what responders have counted. The first bytes choose; the rest is what a hostile
 * responder sends, or what a good one has counted, which must reach the prober as it was,
 * however often the connection ends in between.
 */
#include "config.h"
#include "../../fcgi/reporter.h"
#include "input.h"
#include "state/ask.h"
#include <sys/socket.h>
#include <unistd.h>

#define COMMON "name = \"registry.example.org\"; state = \"/nonexistent\"; canonical = \"us\"; "

static const char *const layouts[] = {
    COMMON "upstreams = { eu = { url = \"https://eu.example.org\"; };"
           "              us = { url = \"https://us.example.org\"; }; };",
    COMMON "upstreams = { asia = { url = \"https://asia.example.org\"; };"
           "              eu = { url = \"https://other.example.org\"; };"
           "              us = { url = \"https://us.example.org\"; }; };"};

static struct config *configs[2];

struct link {
    int fd;                 /* the prober's end; -1: none */
    struct counters *heard; /* by the prober */
};

static uint64_t sum_of(const struct counters *counters)
{
    struct count count;
    uint64_t sum = 0;

    for (size_t position = 0; counters_next(counters, &position, &count);)
        sum += count.n;
    return sum;
}

/* What is in a cell, of a target by its id. */
static uint64_t cell_of(const struct counters *counters, const struct count *wanted)
{
    struct count count;
    uint64_t sum = 0;

    for (size_t position = 0; counters_next(counters, &position, &count);)
        if (count.target == wanted->target && count.cell == wanted->cell)
            sum += count.n;
    return sum;
}

static struct counters *new_counters(const struct config *config)
{
    struct counters *counters = counters_new(config);

    must(counters, "there is memory");
    return counters;
}

static void check_places(const struct counters *counters)
{
    must(counters->place_count <= counters->target_count + COUNTERS_OTHERS_MAX,
         "places are not too many");
    must(counters->alias_count <= COUNTERS_OTHERS_MAX, "nor are other names");
    for (size_t i = 0; i < counters->alias_count; i++)
        must(counters->alias[i].place < counters->place_count, "each has a place");
}

/* ---- what a hostile responder sends ---- */

static void take_packet(struct counters *counters, struct slice bytes)
{
    union ask_packet *packet = tight_copy(bytes);
    uint64_t before = counters->changes;

    if (ask_is_report(packet, bytes.len) && ask_read_report(&packet->report, bytes.len, counters))
        must(counters->changes == before + packet->report.count_count, "each count is added");
    must(counters->changes - before <= ASK_COUNTS_MAX, "no more than fit");
    check_places(counters);
    free(packet);
}

/* The head of a report before bytes that are its counts; more: than there are, as it says. */
static void take_counts(struct counters *counters, struct slice bytes, unsigned more)
{
    struct ask_report report = {.version = ASK_VERSION, .kind = ASK_KIND_REPORT};
    size_t n = bytes.len / sizeof *report.count;

    n = n < ASK_COUNTS_MAX ? n : ASK_COUNTS_MAX;
    report.count_count = (uint16_t)(n + more);
    memcpy(report.count, bytes.at, n * sizeof *report.count);
    take_packet(counters, (struct slice){(const char *)&report, offsetof(struct ask_report, count) +
                                                                    n * sizeof *report.count});
}

/* Many targets that nobody knows. */
static void take_strangers(struct counters *counters, struct input *input)
{
    unsigned many = take_byte(input) * 2;

    for (unsigned i = 0; i < many; i++) {
        struct count count = {.target = 1000 + i, .n = 1, .cell = i % 16};
        must(counters_add(counters, &count), "a stranger is counted");
    }
    check_places(counters);
}

static struct counters *reload(struct counters *former, struct config *config)
{
    struct counters *counters = new_counters(config);

    counters_succeed(counters, former);
    counters_free(former);
    check_places(counters);
    return counters;
}

static void run_hostile(struct input *input)
{
    struct counters *counters = new_counters(configs[0]);
    unsigned turn = 0;

    while (input->left > 0) {
        unsigned what = take_byte(input);
        size_t len = take_number(input, 2);
        if (what % 8 == 0)
            counters = reload(counters, configs[++turn % 2]);
        else if (what % 8 == 1)
            counters_settle(counters);
        else if (what % 8 == 2)
            take_strangers(counters, input);
        else if (what % 8 < 5)
            take_packet(counters, take_bytes(input, len));
        else
            take_counts(counters, take_bytes(input, len), what / 8);
    }
    counters_sum(counters);
    counters_free(counters);
}

/* ---- what a good one has counted ---- */

static int connect_here(void *ctx)
{
    struct link *link = ctx;
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0,
         "sockets can be had");
    if (link->fd >= 0)
        close(link->fd);
    link->fd = pair[1];
    return pair[0];
}

static void watch(void *ctx, int fd)
{
    (void)ctx, (void)fd;
}

/* The prober takes all that is there. */
static void hear(struct link *link)
{
    union ask_packet packet;

    for (;;) {
        ssize_t len = recv(link->fd, &packet, sizeof packet, MSG_DONTWAIT);
        if (len <= 0)
            return;
        must(ask_is_report(&packet, (size_t)len), "a report is one");
        must(ask_read_report(&packet.report, (size_t)len, link->heard), "and is understood");
    }
}

/* Counts the same in both. */
static void count_some(struct counters *mine, struct counters *all, struct input *input)
{
    for (unsigned many = take_byte(input); many > 0 && input->left > 0; many--) {
        unsigned byte = take_byte(input);
        struct count count = {.target = byte & 1 ? configs[0]->targets[byte / 2 % 2].id : 0,
                              .n = 1 + take_byte(input)};
        count.cell = byte / 4 * (1 + (uint32_t)take_below(input, 8));
        must(counters_add(mine, &count) == counters_add(all, &count), "both count it");
    }
}

static void check_same(const struct counters *all, const struct counters *heard)
{
    struct count count;

    for (size_t position = 0; counters_next(all, &position, &count);)
        must(cell_of(heard, &count) == count.n, "all that was counted has been heard");
    must(sum_of(all) == sum_of(heard), "and no more");
}

static void talk(struct asker *asker, struct link *link, struct counters *mine,
                 struct counters *all, struct input *input)
{
    uint64_t now = 0;

    while (input->left > 0) {
        unsigned byte = take_byte(input);
        count_some(mine, all, input);
        if (byte & 1)
            asker_disconnect(asker);
        if (byte & 2 && link->fd >= 0)
            close(link->fd), link->fd = -1;
        reporter_send(asker, mine, 0, now);
        if (link->fd >= 0)
            hear(link);
        must(sum_of(mine) + sum_of(link->heard) == sum_of(all), "nothing is lost, or twice");
        now += byte * 8;
    }
    for (int i = 0; i < 2; i++, now += 2000) {
        reporter_send(asker, mine, 0, now);
        if (link->fd >= 0)
            hear(link);
    }
}

static void run_good(struct input *input)
{
    struct counters *mine = new_counters(configs[0]), *all = new_counters(configs[0]);
    struct link link = {.fd = -1, .heard = new_counters(configs[0])};
    struct asker_settings settings = {
        .questions = 4, .ctx = &link, .watch = watch, .connect = connect_here};
    struct asker *asker = asker_new(&settings);

    must(asker, "there is memory");
    talk(asker, &link, mine, all, input);
    check_same(all, link.heard);
    counters_free(all);
    counters_free(mine);
    counters_free(link.heard);
    asker_free(asker);
    if (link.fd >= 0)
        close(link.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size < 65536 ? size : 65536};
    struct problems problems = {0};

    for (size_t i = 0; i < 2; i++) {
        configs[i] = configs[i] ? configs[i] : config_parse(layouts[i], &problems);
        must(configs[i], "a configuration of the target's own is taken");
    }
    if (take_byte(&input) % 4 == 0)
        run_good(&input);
    else
        run_hostile(&input);
    return 0;
}
