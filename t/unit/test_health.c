/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a target's health from the prober to its readers. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "prober/publish.h"
#include "state/health.h"
#include "tap.h"

enum { NOW_S = 1700000000 };

static const struct probing rules = {
    .interval_ms = 30000, .rise = 2, .fall = 3, .return_ms = 60000};

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, NOW_S + ms / 1000};
}

/* ---- published and read ---- */

static char folder[] = "/tmp/signpost-health-XXXXXX";

static struct target targets[] = {
    {.id = 1, .name = "eu"}, {.id = 2, .name = "us"}, {.id = 3, .name = "asia"}};

static uint64_t counted;

static void count(void *context, const char *name, uint64_t value)
{
    if (strcmp(name, context) == 0)
        counted = value;
}

static void write_text(const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "%s/health", folder);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (write(fd, text, strlen(text)) < 0)
        abort();
    close(fd);
}

static void checked(struct remote *remote, enum check_result result)
{
    struct jitter jitter = {42};
    struct check_report report = {.result = result, .failure = "it said so"};

    monitor_take(&remote->monitor, &rules, &jitter, &report, true, at(0));
}

/* The file of a prober before 0.2 has no lines of checks. */
static void test_former(void)
{
    struct health *health = health_new(targets, 3);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);

    write_text("signpost-health 2 1700000000 30000 1\n"
               "target 0000000000000001 down 0 1 1 1 1 1 1 1 1 1 1 eu x\n"
               "target 0000000000000002 up 100 1 1 1 1 1 1 1 1 1 1 us \n");
    health_refresh(health, fd, NOW_S + 1);
    ok(health_of(health, &targets[0])->state == HEALTH_DOWN &&
           health_of(health, &targets[1])->state == HEALTH_UP,
       "the file of a prober before 0.2 is read");
    health_free(health);
    close(fd);
}

static void test_published(void)
{
    struct remote eu = {.id = 1, .target = &targets[0]}, us = {.id = 2, .target = &targets[1]},
                  asia = {.id = 3, .target = &targets[2]};
    struct remotes remotes = {.list = {&eu, &us, &asia}, .count = 3};
    struct counter_line line[] = {{"probes", 12345}};
    struct publication publication = {&remotes, &rules, line, 1, at(0)};
    struct health *health = health_new(targets, 3);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct why why;

    health_refresh(health, fd, NOW_S);
    ok(!health_of(health, &targets[0])->known &&
           health_of(health, &targets[0])->state == HEALTH_NOT_CHECKED,
       "without a file nothing is checked");
    checked(&us, RESULT_BAD);
    checked(&us, RESULT_BAD);
    checked(&us, RESULT_BAD);
    checked(&eu, RESULT_GOOD);
    eu.witnesses.count = 5;
    remotes.network_doubt_s = NOW_S - 5;
    eu.monitor.head_ms = 23.4;
    us.counters = (struct target_counters){1, 2, 3, 4, 5, 6, 7};
    uint64_t mark = publish_mark(&publication);
    ok(publish(&publication, &(struct state){.name = folder, .fd = fd}, &why), "published");
    health_refresh(health, fd, NOW_S);
    ok(!health_of(health, &targets[0])->known, "it is looked at once a second");
    health_refresh(health, fd, NOW_S + 1);
    const struct target_health *h = health_of(health, &targets[0]);
    ok(h->known && h->state == HEALTH_UP, "one is up");
    ok(h->checked_s == NOW_S && h->witnesses == 5, "since when, and by how many witnesses");
    cmp_ok(health_network_doubt(health), ==, NOW_S - 5, "the network is in doubt");
    cmp_ok(health_network_doubt(NULL), ==, 0, "of which nobody knows without a prober");
    h = health_of(health, &targets[2]);
    ok(h->known && h->state == HEALTH_NOT_CHECKED && h->admit >= 1, "one is not checked");
    h = health_of(health, &targets[0]);
    cmp_ok(h->head_ms, ==, 24, "with its time");
    is(h->failure, "", "and no failure");
    h = health_of(health, &targets[1]);
    ok(h->known && h->state == HEALTH_DOWN && !(h->admit > 0), "the other is down");
    is(h->failure, "it said so", "as it said");
    cmp_ok(h->changed_s, ==, NOW_S, "since then");
    cmp_ok(h->failed_s, ==, NOW_S, "and when it said so last");
    cmp_ok(h->counters.skipped, ==, 7, "with its counters");
    char wanted[] = "probes";
    health_counters(health, count, wanted);
    cmp_ok(counted, ==, 12345, "and those of the whole");
    cmp_ok(health_published(health), ==, NOW_S, "it is known when");
    cmp_ok(health_prober(health), ==, getpid(), "and by whom");

    health_refresh(health, fd, NOW_S + 90);
    ok(health_of(health, &targets[1])->state == HEALTH_DOWN,
       "three intervals later it still counts");
    health_refresh(health, fd, NOW_S + 91);
    ok(health_of(health, &targets[1])->state == HEALTH_NOT_CHECKED &&
           !health_of(health, &targets[1])->known,
       "and then no more");
    health_refresh(health, fd, NOW_S - 1);
    ok(health_of(health, &targets[1])->state == HEALTH_DOWN,
       "it counts where it was published after the clock was looked at");
    health_refresh(health, fd, NOW_S - 60);
    ok(!health_of(health, &targets[1])->known, "nor does it when it is from the future");
    health_refresh(health, fd, NOW_S + 2);
    ok(health_of(health, &targets[1])->known, "it does again when the clock is right");

    cmp_ok(publish_mark(&publication), ==, mark, "nothing new, nothing to publish");
    eu.counters.probes++;
    eu.monitor.head_ms = 24;
    cmp_ok(publish_mark(&publication), ==, mark, "nor for a count, or a millisecond");
    eu.monitor.head_ms = 48;
    cmp_ok(publish_mark(&publication), !=, mark, "but for twice the time");
    mark = publish_mark(&publication);
    us.monitor.is_down = false;
    cmp_ok(publish_mark(&publication), !=, mark, "and for a change of state");

    write_text("signpost-health 1 1700000000 30000 1\ntarget 0000000000000001 down 0 1 1 1 1 1 1 1 "
               "1 1 1 eu x\n");
    health_refresh(health, fd, NOW_S + 3);
    ok(!health_of(health, &targets[0])->known, "another version is not read");
    write_text("signpost-health 2 1700000000 30000 1\ntarget 0000000000000001 down 0 1\ntarget "
               "zz\nnonsense\ntarget 0000000000000002 up 7000 1 1 1 1 1 1 1 1 1 1 us x\n");
    health_refresh(health, fd, NOW_S + 4);
    ok(!health_of(health, &targets[0])->known && !health_of(health, &targets[1])->known,
       "nor are lines that are not whole, or nonsense");
    write_text("signpost-health 2 1700000000 30000 1\n"
               "target 0000000000000001 up 100 1 1700000000 0 1 1 1 1 1 1 1 eu x\n"
               "check 0000000000000001 up -9223372036854775808 1\n"
               "target 0000000000000002 up 100 1 253402300800 1 1 1 1 1 1 1 1 us x\n"
               "network-doubt -1\n");
    health_refresh(health, fd, NOW_S + 5);
    ok(health_of(health, &targets[0])->known && health_of(health, &targets[0])->checked_s == 0 &&
           !health_of(health, &targets[1])->known && health_network_doubt(health) == 0,
       "nor are times before 1970 or behind the year 9999");
    write_text("signpost-health 2 -9223372036854775808 30000 1\n"
               "target 0000000000000001 up 100 1 1 1 1 1 1 1 1 1 1 eu x\n");
    health_refresh(health, fd, NOW_S + 6);
    ok(!health_of(health, &targets[0])->known, "nor is a file of such a time");
    health_free(health);
    char path[64];
    snprintf(path, sizeof path, "%s/health", folder);
    unlink(path);
    close(fd);
    ok(health_of(NULL, &targets[0])->state == HEALTH_NOT_CHECKED, "no health at all: not checked");
}

/* The clock has been set back since, or the file is damaged. */
static void test_recalled_from_the_future(void)
{
    struct remote eu = {.id = 1, .target = &targets[0]};
    struct remotes remotes = {.list = {&eu}, .count = 1};
    struct target_health before = {
        .known = true, .state = HEALTH_DOWN, .checked_s = NOW_S + 86400, .extra = 1};
    struct health *health = health_new(targets, 3);

    health_put(health, &targets[0], &before);
    remotes_recall(&remotes, health, &rules, at(0));
    ok(eu.monitor.next_ms <= at(0).steady_ms, "who was checked in the future is checked at once");
    ok(remote_state(&eu, &rules, at(0)) == HEALTH_NOT_CHECKED, "and nothing is known of it");
    health_free(health);
}

static void count_all(void *context, const char *name, uint64_t value)
{
    size_t *number = context;

    if (strcmp(name, "c0") == 0 || strcmp(name, "c63") == 0)
        counted = value;
    ++*number;
}

/* A prober of another version may count more than there is room for. */
static void test_many_counters(void)
{
    struct health *health = health_new(targets, 3);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    char text[4096] = "signpost-health 2 1700000000 30000 1\n";
    size_t len = strlen(text), number = 0;

    for (unsigned i = 0; i < 70; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "counter c%u %u\n", i, 1000 + i);
    write_text(text);
    health_refresh(health, fd, NOW_S + 1);
    health_counters(health, count_all, &number);
    cmp_ok(number, ==, 64, "of 70 counters the first 64 are read");
    cmp_ok(counted, ==, 1063, "the last of them, too");
    health_free(health);
    close(fd);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_published();
    test_former();
    test_recalled_from_the_future();
    test_many_counters();
    char path[64];
    snprintf(path, sizeof path, "%s/health", folder);
    unlink(path);
    rmdir(folder);
    return done_testing();
}
