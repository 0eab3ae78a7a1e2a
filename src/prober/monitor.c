/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/monitor.h"

#include <math.h>
#include <stdio.h>

enum {
    IN_USE_MS = 5 * 60 * 1000, /* so long after its last use a target is checked */
    DOUBT_MS = 1000,           /* from one check to the next, while in doubt */
    HURRY_MS = 3000,           /* the least from a check to one that a probe brings forward */
    UNDER_WAY_MAX = 3,         /* checks */
    STALE_INTERVALS = 3,
    TENTHS = 10
};

static const double newest_weight = 0.2;

int64_t monitor_doubt_ms(const struct probing *rules)
{
    return rules->interval_ms < 3 * DOUBT_MS ? rules->interval_ms / 3 + 1 : DOUBT_MS;
}

/* Jitter only shortens the interval: a limit on it is one that holds. */
static int64_t interval(const struct probing *rules, struct jitter *jitter)
{
    return llrint(rules->interval_ms * (1 - 0.2 * jitter_next(jitter)));
}

/* How long until the next check of a target that is down. */
static int64_t down_pause(const struct monitor *monitor, const struct probing *rules)
{
    int64_t pause = monitor_doubt_ms(rules);

    if (monitor->good > 0)
        return pause;
    for (unsigned i = 0; i < monitor->tries && pause < rules->interval_ms; i++)
        pause *= 2;
    return pause < rules->interval_ms ? pause : (int64_t)rules->interval_ms;
}

static void plan(struct monitor *monitor, const struct probing *rules, struct jitter *jitter)
{
    int64_t pause = interval(rules, jitter);

    if (monitor->is_down)
        pause = down_pause(monitor, rules);
    else if (monitor->bad > 0)
        pause = monitor_doubt_ms(rules);
    monitor->next_ms = monitor->begun_ms + pause;
}

bool monitor_in_use(const struct monitor *monitor, struct instant now)
{
    return monitor->used && now.steady_ms - monitor->used_ms < IN_USE_MS;
}

void monitor_use(struct monitor *monitor, struct instant now)
{
    if (!monitor_in_use(monitor, now))
        monitor->next_ms = now.steady_ms;
    monitor->used = true;
    monitor->used_ms = now.steady_ms;
}

void monitor_hurry(struct monitor *monitor, int64_t least_ms, struct instant now)
{
    int64_t soon = monitor->has_begun ? monitor->begun_ms + least_ms : now.steady_ms;

    if (!monitor->is_down && monitor->next_ms > soon)
        monitor->next_ms = soon;
}

void monitor_hurry_for_probe(struct monitor *monitor, const struct probing *rules,
                             struct instant now)
{
    monitor_hurry(monitor, rules->interval_ms < HURRY_MS ? rules->interval_ms : HURRY_MS, now);
}

/* One that has no answer yet after a while leaves room for doubt, too. */
static bool is_overdue(const struct monitor *monitor, const struct probing *rules,
                       struct instant now)
{
    return !monitor->is_down && monitor->under_way < UNDER_WAY_MAX &&
           now.steady_ms - monitor->begun_ms >= monitor_doubt_ms(rules);
}

bool monitor_check_due(struct monitor *monitor, const struct probing *rules, struct jitter *jitter,
                       bool watch, struct instant now)
{
    if (!monitor->is_down && !watch && !monitor_in_use(monitor, now))
        return false;
    if (monitor->under_way > 0 ? !is_overdue(monitor, rules, now)
                               : now.steady_ms < monitor->next_ms)
        return false;
    monitor->under_way++;
    monitor->has_begun = true;
    monitor->begun_ms = now.steady_ms;
    monitor->tries += monitor->is_down;
    plan(monitor, rules, jitter);
    return true;
}

void monitor_wake(struct monitor *monitor, struct instant now)
{
    monitor->under_way = 0;
    monitor->next_ms = now.steady_ms;
}

void monitor_note_time(struct monitor *monitor, unsigned took_ms)
{
    double took = took_ms ? took_ms : 1;

    if (monitor->head_ms > 0)
        monitor->head_ms += newest_weight * (took - monitor->head_ms);
    else
        monitor->head_ms = took;
}

void monitor_return(struct monitor *monitor, struct instant now)
{
    monitor->returning = true;
    monitor->up_ms = now.steady_ms;
    monitor->changed_s = now.wall_s;
}

static void note_check(struct monitor *monitor, bool good, struct instant now)
{
    monitor->last_good = good;
    monitor->is_checked = true;
    monitor->checked_ms = now.steady_ms;
    monitor->checked_s = now.wall_s;
}

static enum monitor_change take_good(struct monitor *monitor, const struct probing *rules,
                                     const struct check_report *report, struct instant now)
{
    if (!(monitor->head_ms > 0) && report->took_ms > 0)
        monitor_note_time(monitor, report->took_ms);
    note_check(monitor, true, now);
    monitor->good_ms = report->begun_ms;
    monitor->network_failed = false;
    monitor->bad = 0;
    monitor->good++;
    if (!monitor->is_down || monitor->good < rules->rise)
        return MONITOR_SAME;
    monitor->is_down = false;
    monitor_return(monitor, now);
    return MONITOR_WENT_UP;
}

static enum monitor_change take_bad(struct monitor *monitor, const struct probing *rules,
                                    const struct check_report *report, bool may_fall,
                                    struct instant now)
{
    snprintf(monitor->failure, sizeof monitor->failure, "%s",
             report->failure ? report->failure : "");
    monitor->failed_s = now.wall_s;
    note_check(monitor, false, now);
    monitor->network_failed = report->network_failed;
    monitor->good = 0;
    monitor->bad++;
    if (monitor->is_down || !may_fall || report->result != RESULT_BAD || monitor->bad < rules->fall)
        return MONITOR_SAME;
    monitor->is_down = true;
    monitor->returning = false;
    monitor->tries = 0;
    monitor->down_ms = now.steady_ms;
    monitor->changed_s = now.wall_s;
    return MONITOR_WENT_DOWN;
}

enum monitor_change monitor_take(struct monitor *monitor, const struct probing *rules,
                                 struct jitter *jitter, const struct check_report *report,
                                 bool may_fall, struct instant now)
{
    enum monitor_change change = MONITOR_SAME;

    if (monitor->under_way > 0)
        monitor->under_way--;
    if (report->result == RESULT_GOOD)
        change = take_good(monitor, rules, report, now);
    else if (report->result == RESULT_NEITHER)
        monitor->checked_ms = report->limited ? now.steady_ms /* what was known before still is */
                                              : monitor->checked_ms;
    else if (!monitor->last_good || report->begun_ms >= monitor->good_ms)
        change = take_bad(monitor, rules, report, may_fall, now);
    if (report->result == RESULT_NEITHER)
        monitor->next_ms = monitor->begun_ms + interval(rules, jitter);
    else
        plan(monitor, rules, jitter);
    return change;
}

bool monitor_is_unchecked(const struct monitor *monitor, const struct probing *rules,
                          struct instant now)
{
    return !monitor->is_checked ||
           now.steady_ms - monitor->checked_ms > STALE_INTERVALS * (int64_t)rules->interval_ms;
}

bool monitor_is_down(const struct monitor *monitor, const struct probing *rules, struct instant now)
{
    return monitor->is_down && !monitor_is_unchecked(monitor, rules, now);
}

bool monitor_is_good(const struct monitor *monitor, const struct probing *rules, struct instant now)
{
    return monitor->last_good && !monitor->is_down && !monitor_is_unchecked(monitor, rules, now);
}

double monitor_admit(const struct monitor *monitor, const struct probing *rules, struct instant now)
{
    if (monitor_is_unchecked(monitor, rules, now))
        return 1;
    if (monitor->is_down)
        return 0;
    if (!monitor->returning)
        return 1;
    int64_t since = now.steady_ms - monitor->up_ms;
    if (since >= rules->return_ms)
        return 1;
    int64_t tenths = 1 + since * (TENTHS - 1) / (int64_t)rules->return_ms;
    return (double)tenths / TENTHS;
}
