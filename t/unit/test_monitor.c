/* SPDX-License-Identifier: Apache-2.0 */
/* The health of a target, by checks and a clock that the test gives. */
#include "prober/monitor.h"
#include "tap.h"

enum { NOW_S = 1700000000 };

static const struct probing rules = {
    .interval_ms = 30000, .rise = 2, .fall = 3, .return_ms = 60000};

static struct jitter jitter = {42};

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, NOW_S + ms / 1000};
}

static enum monitor_change take(struct monitor *m, enum check_result result, int64_t begun_ms,
                                int64_t ms)
{
    struct check_report report = {.result = result,
                                  .begun_ms = at(begun_ms).steady_ms,
                                  .took_ms = 20,
                                  .failure = "it said so"};

    return monitor_take(m, &rules, &jitter, &report, true, at(ms));
}

static enum monitor_change checked(struct monitor *m, enum check_result result, int64_t ms)
{
    return take(m, result, ms, ms);
}

static bool due(struct monitor *m, int64_t ms)
{
    return monitor_check_due(m, &rules, &jitter, false, at(ms));
}

/* The share in percent. */
static int admits(const struct monitor *m, int64_t ms)
{
    return (int)(monitor_admit(m, &rules, at(ms)) * 100 + 0.5);
}

static void test_fall_and_rise(void)
{
    struct monitor m = {0};

    ok(monitor_is_unchecked(&m, &rules, at(0)), "at first nothing is known");
    cmp_ok(admits(&m, 0), ==, 100, "which is chosen like one that is up");
    ok(!checked(&m, RESULT_BAD, 10) && !checked(&m, RESULT_BAD, 20), "two bad ones are too few");
    ok(!monitor_is_good(&m, &rules, at(20)), "but it is not good");
    checked(&m, RESULT_GOOD, 30);
    ok(monitor_is_good(&m, &rules, at(30)), "after a good one it is");
    ok(!checked(&m, RESULT_BAD, 40) && !checked(&m, RESULT_BAD, 50),
       "nor are two after a good one");
    ok(!checked(&m, RESULT_NEITHER, 56), "one that says nothing changes nothing");
    cmp_ok(checked(&m, RESULT_BAD, 60), ==, MONITOR_WENT_DOWN, "the third one takes it down");
    cmp_ok(admits(&m, 60), ==, 0, "for all requests");
    is(m.failure, "it said so", "it is known why");
    cmp_ok(m.changed_s, ==, NOW_S, "the time is noted");

    ok(!checked(&m, RESULT_GOOD, 5000), "one good check is not enough");
    ok(!checked(&m, RESULT_BAD, 6000) && !checked(&m, RESULT_GOOD, 7000), "they must be in a row");
    cmp_ok(checked(&m, RESULT_GOOD, 40000), ==, MONITOR_WENT_UP, "the second brings it up");
    cmp_ok(admits(&m, 40000), ==, 10, "for a tenth");
    int before = 0, ms, steps = 0, back = 0;
    for (ms = 40000; ms < 200000 && admits(&m, ms) < 100; ms += 100) {
        back += admits(&m, ms) < before;
        steps += admits(&m, ms) > before;
        before = admits(&m, ms);
    }
    cmp_ok(back, ==, 0, "then for more and more");
    cmp_ok(ms, ==, 100000, "for all after a minute");
    cmp_ok(steps, ==, 9, "by steps of a tenth");
}

static void test_suspect(void)
{
    struct monitor m = {0};

    for (int i = 0; i < 10; i++)
        ok(!checked(&m, RESULT_SUSPECT, i), "suspicion alone takes nothing down");
    cmp_ok(checked(&m, RESULT_BAD, 20), ==, MONITOR_WENT_DOWN, "a check that confirms it does");
    m = (struct monitor){0};
    checked(&m, RESULT_SUSPECT, 0);
    ok(!checked(&m, RESULT_BAD, 1), "but not before there are enough");
    cmp_ok(checked(&m, RESULT_BAD, 2), ==, MONITOR_WENT_DOWN, "in a row");
}

static void test_network_doubt(void)
{
    struct monitor m = {0};
    struct check_report bad = {.result = RESULT_BAD};

    for (int i = 0; i < 10; i++)
        ok(!monitor_take(&m, &rules, &jitter, &bad, false, at(i)),
           "while its own network is in doubt, nothing goes down");
    cmp_ok(checked(&m, RESULT_BAD, 20), ==, MONITOR_WENT_DOWN, "afterwards it does at once");
}

/* Checks that overlap end in any order. */
static void test_order(void)
{
    struct monitor m = {0};

    take(&m, RESULT_GOOD, 2000, 2100);
    for (int i = 0; i < 5; i++)
        ok(!take(&m, RESULT_BAD, 1000, 4000), "one that began before the last good one");
    cmp_ok(m.bad, ==, 0, "does not count");
}

/* Runs the clock, with checks that take so long; returns how many there were. */
static int run(struct monitor *m, int64_t from, int64_t to, enum check_result result, int64_t took)
{
    int64_t begun[8];
    int open = 0, count = 0;

    for (int64_t ms = from; ms < to; ms += 10) {
        while (open > 0 && begun[0] + took <= ms) {
            take(m, result, begun[0], ms);
            memmove(begun, begun + 1, (size_t)--open * sizeof *begun);
        }
        if (due(m, ms)) {
            begun[open++] = ms;
            count++;
        }
    }
    while (open > 0) {
        take(m, result, begun[0], to);
        memmove(begun, begun + 1, (size_t)--open * sizeof *begun);
    }
    return count;
}

static void test_cadence(void)
{
    struct monitor m = {0};

    cmp_ok(run(&m, 0, 3600000, RESULT_GOOD, 20), ==, 0, "what is not used is not checked");
    monitor_use(&m, at(3600000));
    cmp_ok(run(&m, 3600000, 3600010, RESULT_GOOD, 20), ==, 1, "once used, it is checked at once");
    int more = run(&m, 3600010, 3600000 + 295000, RESULT_GOOD, 20);
    ok(more >= 9 && more <= 12, "then each 24 to 30 seconds: %d in 295 s", more);
    cmp_ok(run(&m, 3600000 + 301000, 7200000, RESULT_GOOD, 20), ==, 0,
           "until it has not been used for five minutes");
    ok(monitor_is_unchecked(&m, &rules, at(7200000)), "then its state is not known any more");
    cmp_ok(m.under_way, ==, 0, "nothing is left under way");

    m = (struct monitor){0};
    int count = 0;
    for (int64_t ms = 0; ms < 300000; ms += 100)
        if (monitor_check_due(&m, &rules, &jitter, true, at(ms))) {
            checked(&m, RESULT_GOOD, ms);
            count++;
        }
    ok(count >= 10 && count <= 13, "one that may have to stand in is checked unused: %d", count);
}

/* How long after its death a target is down, which answers bad checks after so many ms. */
static int64_t time_to_fall(int64_t took)
{
    struct monitor m = {0};
    int64_t worst = 0;

    for (int64_t death = 0; death < 31000; death += 970) {
        m = (struct monitor){0};
        monitor_use(&m, at(0));
        run(&m, 0, 40000 + death, RESULT_GOOD, 20);
        monitor_use(&m, at(40000 + death));
        int64_t begun[8], open = 0, ms = 40000 + death;
        for (; !m.is_down && ms < 200000; ms += 10) {
            while (open > 0 && begun[0] + took <= ms) {
                take(&m, RESULT_BAD, begun[0], ms);
                memmove(begun, begun + 1, (size_t)--open * sizeof *begun);
            }
            if (due(&m, ms))
                begun[open++] = ms;
        }
        worst = ms - 40000 - death > worst ? ms - 40000 - death : worst;
    }
    return worst;
}

static void test_detection(void)
{
    int64_t refused = time_to_fall(10), silent = time_to_fall(MONITOR_CHECK_MS);

    cmp_ok(refused, <=, 33000, "a refused connection is decided %lld ms after death at the latest",
           (long long)refused);
    cmp_ok(silent, <=, 36000, "and a black hole after %lld ms", (long long)silent);
}

static void test_hurry(void)
{
    struct monitor m = {0};
    int count = 0;

    monitor_use(&m, at(0));
    ok(due(&m, 0), "in use");
    checked(&m, RESULT_GOOD, 10);
    monitor_hurry_for_probe(&m, &rules, at(20));
    ok(!due(&m, 1000), "a probe that fails brings the next check forward,");
    ok(due(&m, 3000), "but not at once");
    checked(&m, RESULT_GOOD, 3010);
    for (int64_t ms = 3010; ms < 63010; ms += 10) {
        monitor_hurry_for_probe(&m, &rules, at(ms));
        if (due(&m, ms)) {
            checked(&m, RESULT_GOOD, ms);
            count++;
        }
    }
    cmp_ok(count, <=, 20, "a flood of failing probes leads to one check in three seconds");
    ok(!m.is_down, "and takes nothing down");
}

static void test_down(void)
{
    struct monitor m = {0};

    monitor_use(&m, at(0));
    for (int i = 0; i < 3; i++)
        checked(&m, RESULT_BAD, i);
    ok(m.is_down, "down");
    int first = run(&m, 10, 15000, RESULT_BAD, 10);
    ok(first >= 3 && first <= 5, "it is checked a few times soon: %d in 15 s", first);
    int later = run(&m, 600000, 840000, RESULT_BAD, 10);
    ok(later >= 8 && later <= 10, "then each interval, although unused: %d in 240 s", later);
    int64_t up = 840000;
    for (; m.is_down && up < 900000; up += 10)
        if (due(&m, up))
            checked(&m, RESULT_GOOD, up);
    cmp_ok(up - 840000, <, 33000, "it is up within an interval and a bit (%lld ms)",
           (long long)up - 840000);
    for (int i = 0; i < 3; i++)
        checked(&m, RESULT_BAD, up + i);
    int again = run(&m, up + 10, up + 15000, RESULT_BAD, 10);
    ok(m.is_down && again >= 3 && again <= 5, "down again: a few times soon, too: %d", again);
}

static void test_sleep(void)
{
    struct monitor m = {0};

    monitor_use(&m, at(0));
    for (int i = 0; i < 40; i++) {
        ok(due(&m, i * 6000), "a check is begun");
        monitor_wake(&m, at(i * 6000 + 5990));
    }
    ok(!m.is_down && m.bad == 0, "a process that sleeps all the time counts nothing");
    ok(monitor_is_unchecked(&m, &rules, at(240000)), "so nothing is known");
    ok(due(&m, 240000), "when it is awake, the next check is due at once");
}

static void test_jitter(void)
{
    struct jitter seeds[2] = {{1}, {2}};
    int64_t next[2][20];
    int same = 0;

    for (int s = 0; s < 2; s++) {
        struct monitor m = {0};
        for (int i = 0; i < 20; i++) {
            m.next_ms = 0;
            monitor_check_due(&m, &rules, &seeds[s], true, at(0));
            m.under_way = 0;
            next[s][i] = m.next_ms - at(0).steady_ms;
        }
    }
    int64_t least = next[0][0], most = next[0][0];
    for (int i = 0; i < 20; i++) {
        least = next[0][i] < least ? next[0][i] : least;
        most = next[0][i] > most ? next[0][i] : most;
        same += next[0][i] == next[1][i];
    }
    ok(least >= 24000 && most <= 30000, "checks are 24 to 30 seconds apart (%lld to %lld)",
       (long long)least, (long long)most);
    ok(most - least > 3000, "and spread");
    cmp_ok(same, <=, 1, "otherwise for another seed");
}

static void test_time(void)
{
    struct monitor m = {0};

    checked(&m, RESULT_GOOD, 0);
    cmp_ok(m.head_ms, ==, 20, "the first measure, be it a check's");
    for (int i = 0; i < 100; i++)
        monitor_note_time(&m, 40);
    cmp_ok(m.head_ms + 0.5, ==, 40, "a mean that follows");
    monitor_note_time(&m, 140);
    cmp_ok(m.head_ms + 0.5, ==, 60, "one slow answer counts a fifth");
    checked(&m, RESULT_GOOD, 300);
    cmp_ok(m.head_ms + 0.5, ==, 60, "later checks do not");
}

int main(void)
{
    test_fall_and_rise();
    test_suspect();
    test_network_doubt();
    test_order();
    test_cadence();
    test_detection();
    test_hurry();
    test_down();
    test_sleep();
    test_jitter();
    test_time();
    return done_testing();
}
