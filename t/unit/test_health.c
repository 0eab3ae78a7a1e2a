/* SPDX-License-Identifier: Apache-2.0 */
/* The health of a target, by answers and a clock that the test gives; and its way to readers. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "health.h"
#include "prober/publish.h"
#include "prober/pulse.h"
#include "tap.h"

enum { NOW_S = 1700000000 };

static const struct probing rules = {
    .interval_ms = 30000, .rise = 2, .fall = 3, .return_ms = 60000};

static struct pulse_dice dice = {42};

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, NOW_S + ms / 1000};
}

static bool tell(struct pulse *pulse, enum pulse_source source, enum pulse_answer answer,
                 unsigned took_ms, int64_t ms)
{
    struct pulse_report report = {source, answer, took_ms, "it said so"};

    return pulse_take(pulse, &rules, &dice, &report, at(ms));
}

static bool probed(struct pulse *pulse, enum pulse_answer answer, int64_t ms)
{
    return tell(pulse, PULSE_PROBE, answer, 50, ms);
}

static bool checked(struct pulse *pulse, enum pulse_answer answer, int64_t ms)
{
    return tell(pulse, PULSE_CHECK, answer, 20, ms);
}

/* The share in percent. */
static int admits(const struct pulse *pulse, int64_t ms)
{
    return (int)(pulse_admit(pulse, &rules, at(ms)) * 100 + 0.5);
}

static void test_fall_and_rise(void)
{
    struct pulse p = {0};

    cmp_ok(admits(&p, 0), ==, 100, "at first it is up");
    pulse_use(&p, &rules, &dice, at(0));
    ok(!probed(&p, PULSE_NONE, 10) && !probed(&p, PULSE_NONE, 20), "two failures are not enough");
    probed(&p, PULSE_GOOD, 30);
    ok(!probed(&p, PULSE_NONE, 40) && !probed(&p, PULSE_NONE, 50), "nor are two after a success");
    cmp_ok(admits(&p, 55), ==, 100, "it is still up");
    ok(!probed(&p, PULSE_NEITHER, 56), "an answer that tells nothing changes nothing");
    ok(probed(&p, PULSE_NONE, 60), "the third one takes it down");
    cmp_ok(admits(&p, 60), ==, 0, "for all requests");
    is(p.failure, "it said so", "it is known why");
    ok(!pulse_may_probe(&p, &rules, &dice, at(61)), "it is not asked any more");
    cmp_ok(p.changed_s, ==, NOW_S, "the time is noted");

    ok(!checked(&p, PULSE_GOOD, 5000), "one good answer is not enough");
    ok(!checked(&p, PULSE_NONE, 6000) && !checked(&p, PULSE_GOOD, 7000), "they must be in a row");
    ok(checked(&p, PULSE_GOOD, 40000), "the second one in a row brings it up");
    cmp_ok(admits(&p, 40000), ==, 10, "for a tenth");
    int before = 0, ms, steps = 0, back = 0;
    for (ms = 40000; ms < 200000 && admits(&p, ms) < 100; ms += 100) {
        back += admits(&p, ms) < before;
        steps += admits(&p, ms) > before;
        before = admits(&p, ms);
    }
    cmp_ok(back, ==, 0, "then for more and more");
    cmp_ok(ms, ==, 100000, "for all after a minute");
    cmp_ok(steps, ==, 9, "by steps of a tenth");
    ok(pulse_may_probe(&p, &rules, &dice, at(40001)), "and it may be asked");
}

static void test_credible(void)
{
    struct pulse p = {0};

    pulse_use(&p, &rules, &dice, at(0));
    for (int i = 0; i < 3; i++)
        probed(&p, PULSE_BAD, i);
    ok(p.down, "objects are answered with errors");
    checked(&p, PULSE_GOOD, 2000);
    checked(&p, PULSE_GOOD, 4000);
    ok(p.down, "good answers to checks do not count so soon");
    probed(&p, PULSE_GOOD, 5000);
    ok(probed(&p, PULSE_GOOD, 5001), "good answers for objects do");

    p = (struct pulse){0};
    pulse_use(&p, &rules, &dice, at(0));
    for (int i = 0; i < 3; i++)
        probed(&p, PULSE_BAD, i);
    checked(&p, PULSE_GOOD, 31000);
    ok(checked(&p, PULSE_GOOD, 32000), "and those to checks do after an interval");

    p = (struct pulse){0};
    pulse_use(&p, &rules, &dice, at(0));
    for (int i = 0; i < 3; i++)
        probed(&p, PULSE_NONE, i);
    checked(&p, PULSE_GOOD, 2000);
    ok(checked(&p, PULSE_GOOD, 3000), "where there was no answer, any answer counts");
}

/* How many checks there are in a time, with answers of one kind. */
static int count_checks(struct pulse *pulse, int64_t from, int64_t to, enum pulse_answer answer)
{
    int count = 0;

    for (int64_t ms = from; ms < to; ms += 10)
        if (pulse_check_due(pulse, &rules, &dice, at(ms))) {
            checked(pulse, answer, ms);
            count++;
        }
    return count;
}

static void test_checks(void)
{
    struct pulse p = {0};

    cmp_ok(count_checks(&p, 0, 3600000, PULSE_GOOD), ==, 0, "what is not used is not checked");
    pulse_use(&p, &rules, &dice, at(3600000));
    int soon = count_checks(&p, 3600000, 3602000, PULSE_GOOD);
    cmp_ok(soon, ==, 1, "once used, it is checked soon");
    int more = count_checks(&p, 3602000, 3600000 + 295000, PULSE_GOOD);
    cmp_ok(more, >=, 8, "then each 30 seconds");
    cmp_ok(more, <=, 11, "or so");
    cmp_ok(count_checks(&p, 3600000 + 301000, 7200000, PULSE_GOOD), ==, 0,
           "until it has not been used for five minutes");

    p = (struct pulse){0};
    pulse_use(&p, &rules, &dice, at(0));
    for (int i = 0; i < 3; i++)
        probed(&p, PULSE_NONE, i);
    count_checks(&p, 10, 600000, PULSE_NONE);
    cmp_ok(count_checks(&p, 600000, 1200000, PULSE_NONE), >=, 18,
           "what is down gets no requests, and is checked all the same, or it would not come back");

    p = (struct pulse){0};
    pulse_use(&p, &rules, &dice, at(0));
    count_checks(&p, 0, 2000, PULSE_GOOD);
    int checks = 0;
    for (int64_t ms = 2000; ms < 200000; ms += 10) {
        if (ms % 1000 == 0)
            probed(&p, PULSE_GOOD, ms);
        checks += pulse_check_due(&p, &rules, &dice, at(ms));
    }
    cmp_ok(checks, ==, 0, "while objects are asked for, nothing else is");

    p = (struct pulse){0};
    pulse_use(&p, &rules, &dice, at(0));
    count_checks(&p, 0, 2000, PULSE_GOOD);
    probed(&p, PULSE_GOOD, 2000);
    probed(&p, PULSE_NONE, 2010);
    int64_t down = 0;
    for (int64_t ms = 2010; !p.down && ms < 60000; ms += 10) {
        if (pulse_check_due(&p, &rules, &dice, at(ms)))
            checked(&p, PULSE_NONE, ms);
        down = ms;
    }
    cmp_ok(down, <, 5000, "in doubt it is checked each second: down after %lld ms",
           (long long)down - 2010);
    int first = count_checks(&p, down, down + 15000, PULSE_NONE);
    cmp_ok(first, >=, 3, "while down it is checked a few times soon,");
    cmp_ok(first, <=, 5, "… but not often,");
    pulse_use(&p, &rules, &dice, at(200000));
    int later = count_checks(&p, 200000, 440000, PULSE_NONE);
    cmp_ok(later, >=, 7, "then each 30 seconds");
    cmp_ok(later, <=, 9, "or so");
    int64_t up = 0;
    pulse_use(&p, &rules, &dice, at(440000));
    for (int64_t ms = 440000; p.down && ms < 500000; ms += 10) {
        if (pulse_check_due(&p, &rules, &dice, at(ms)))
            checked(&p, PULSE_GOOD, ms);
        up = ms;
    }
    cmp_ok(up - 440000, <, 36000, "up within an interval and a bit (%lld ms)",
           (long long)up - 440000);
}

static void test_half_open(void)
{
    struct pulse p = {0};
    int tried = 0;

    pulse_use(&p, &rules, &dice, at(0));
    for (int i = 0; i < 3; i++)
        probed(&p, PULSE_NONE, i);
    for (int64_t ms = 10; ms < 120000; ms += 10)
        if (pulse_may_probe(&p, &rules, &dice, at(ms))) {
            tried++;
            probed(&p, PULSE_NONE, ms + 5);
        }
    cmp_ok(tried, >=, 4, "a target that is down is tried now and then");
    cmp_ok(tried, <=, 9, "… of 12,000 times that it was wanted: %d", tried);
    pulse_may_probe(&p, &rules, &dice, at(200000));
    probed(&p, PULSE_GOOD, 200001);
    ok(pulse_may_probe(&p, &rules, &dice, at(202000)),
       "after a good answer it is tried soon again");
    ok(probed(&p, PULSE_GOOD, 202001), "and comes up");
}

static void test_jitter(void)
{
    struct pulse_dice seeds[2] = {{1}, {2}};
    int64_t next[2][20];
    int same = 0;

    for (int s = 0; s < 2; s++) {
        struct pulse p = {0};
        struct pulse_report report = {PULSE_CHECK, PULSE_GOOD, 1, ""};
        for (int i = 0; i < 20; i++) {
            pulse_take(&p, &rules, &seeds[s], &report, at(0));
            next[s][i] = p.next_ms - at(0).steady_ms;
        }
    }
    int64_t least = next[0][0], most = next[0][0];
    for (int i = 0; i < 20; i++) {
        least = next[0][i] < least ? next[0][i] : least;
        most = next[0][i] > most ? next[0][i] : most;
        same += next[0][i] == next[1][i];
    }
    ok(least >= 27000 && most <= 33000, "checks are 27 to 33 seconds apart (%lld to %lld)",
       (long long)least, (long long)most);
    ok(most - least > 3000, "and spread");
    cmp_ok(same, <=, 1, "otherwise for another seed");
}

static void test_time(void)
{
    struct pulse p = {0};

    tell(&p, PULSE_CHECK, PULSE_GOOD, 80, 0);
    cmp_ok(p.head_ms, ==, 80, "the first measure, be it a check's");
    for (int i = 0; i < 100; i++)
        tell(&p, PULSE_PROBE, PULSE_GOOD, 20, i);
    cmp_ok(p.head_ms + 0.5, ==, 20, "a mean that follows");
    tell(&p, PULSE_PROBE, PULSE_GOOD, 120, 200);
    cmp_ok(p.head_ms + 0.5, ==, 40, "one slow answer counts a fifth");
    tell(&p, PULSE_PROBE, PULSE_BAD, 5000, 300);
    tell(&p, PULSE_CHECK, PULSE_GOOD, 5000, 300);
    cmp_ok(p.head_ms + 0.5, ==, 40, "bad ones and checks do not");
}

/* ---- published and read ---- */

static char folder[] = "/tmp/signpost-health-XXXXXX";

static struct target targets[] = {{.id = 1, .name = "eu"}, {.id = 2, .name = "us"}};

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

static void test_published(void)
{
    struct remote eu = {.id = 1, .target = &targets[0]}, us = {.id = 2, .target = &targets[1]};
    struct remotes remotes = {{&eu, &us}, 2};
    struct counter_line line[] = {{"probes", 12345}};
    struct publication publication = {&remotes, &rules, line, 1, at(0)};
    struct health *health = health_new(targets, 2);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct why why;

    health_refresh(health, fd, NOW_S);
    ok(!health_of(health, &targets[0])->known && health_of(health, &targets[0])->up,
       "without a file nothing is known, and all are up");
    for (int i = 0; i < 3; i++)
        tell(&us.pulse, PULSE_PROBE, PULSE_NONE, 0, i);
    eu.pulse.head_ms = 23.4;
    us.counters = (struct target_counters){1, 2, 3, 4, 5, 6, 7};
    uint64_t mark = publish_mark(&publication);
    ok(publish(&publication, fd, &why), "published");
    health_refresh(health, fd, NOW_S);
    ok(!health_of(health, &targets[0])->known, "it is looked at once a second");
    health_refresh(health, fd, NOW_S + 1);
    const struct target_health *h = health_of(health, &targets[0]);
    ok(h->known && h->up, "one is up");
    cmp_ok(h->head_ms, ==, 24, "with its time");
    is(h->failure, "", "and no failure");
    h = health_of(health, &targets[1]);
    ok(h->known && !h->up && !(h->admit > 0), "the other is down");
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
    ok(!health_of(health, &targets[1])->up, "three intervals later it still counts");
    health_refresh(health, fd, NOW_S + 91);
    ok(health_of(health, &targets[1])->up && !health_of(health, &targets[1])->known,
       "and then no more: unknown is up");
    health_refresh(health, fd, NOW_S - 1);
    ok(!health_of(health, &targets[1])->known, "nor does it when it is from the future");
    health_refresh(health, fd, NOW_S + 2);
    ok(health_of(health, &targets[1])->known, "it does again when the clock is right");

    cmp_ok(publish_mark(&publication), ==, mark, "nothing new, nothing to publish");
    eu.counters.probes++;
    eu.pulse.head_ms = 24;
    cmp_ok(publish_mark(&publication), ==, mark, "nor for a count, or a millisecond");
    eu.pulse.head_ms = 48;
    cmp_ok(publish_mark(&publication), !=, mark, "but for twice the time");
    mark = publish_mark(&publication);
    us.pulse.down = false;
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
    health_free(health);
    char path[64];
    snprintf(path, sizeof path, "%s/health", folder);
    unlink(path);
    close(fd);
    ok(health_of(NULL, &targets[0])->up, "no health at all: up");
}

int main(void)
{
    test_fall_and_rise();
    test_credible();
    test_checks();
    test_half_open();
    test_jitter();
    test_time();
    if (!mkdtemp(folder))
        return 1;
    test_published();
    rmdir(folder);
    return done_testing();
}
