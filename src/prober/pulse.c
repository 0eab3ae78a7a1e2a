/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/pulse.h"

#include <math.h>
#include <stdio.h>

enum {
    IN_USE_MS = 5 * 60 * 1000, /* so long after its last use a target is looked after */
    DOUBT_PART = 30,           /* of the interval, while in doubt */
    TENTHS = 10
};

static const double newest_weight = 0.2;

/* xorshift64*; from 0.9 to 1.1. */
double pulse_jitter(struct pulse_dice *dice)
{
    uint64_t x = dice->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dice->state = x;
    return 0.9 + 0.2 * (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

int64_t pulse_doubt_ms(const struct probing *rules)
{
    return rules->interval_ms / DOUBT_PART + 1;
}

/* How long until the target is to be asked again. */
static int64_t pause_ms(const struct pulse *pulse, const struct probing *rules)
{
    int64_t pause = pulse_doubt_ms(rules);

    if (!pulse->down)
        return pulse->bad > 0 ? pause : (int64_t)rules->interval_ms;
    if (pulse->good > 0)
        return pause;
    for (unsigned i = 0; i < pulse->checks && pause < rules->interval_ms; i++)
        pause *= 2;
    return pause < rules->interval_ms ? pause : (int64_t)rules->interval_ms;
}

static void plan(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                 struct instant now)
{
    pulse->next_ms = now.steady_ms + llrint((double)pause_ms(pulse, rules) * pulse_jitter(dice));
}

bool pulse_in_use(const struct pulse *pulse, struct instant now)
{
    return pulse->used && now.steady_ms - pulse->used_ms < IN_USE_MS;
}

void pulse_use(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
               struct instant now)
{
    bool before = pulse_in_use(pulse, now);

    pulse->used = true;
    pulse->used_ms = now.steady_ms;
    if (!before)
        pulse->next_ms = now.steady_ms + llrint((double)pulse_doubt_ms(rules) * pulse_jitter(dice));
}

bool pulse_may_probe(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                     struct instant now)
{
    if (!pulse->down)
        return true;
    if (now.steady_ms < pulse->next_ms)
        return false;
    pulse->checks++;
    plan(pulse, rules, dice, now);
    return true;
}

bool pulse_check_due(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                     struct instant now)
{
    if (now.steady_ms < pulse->next_ms || !(pulse->down || pulse_in_use(pulse, now)))
        return false;
    if (pulse->down)
        pulse->checks++;
    plan(pulse, rules, dice, now);
    return true;
}

static void note_time(struct pulse *pulse, unsigned took_ms)
{
    double took = took_ms ? took_ms : 1;

    if (pulse->head_ms > 0)
        pulse->head_ms += newest_weight * (took - pulse->head_ms);
    else
        pulse->head_ms = took;
}

void pulse_return(struct pulse *pulse, struct instant now)
{
    pulse->returning = true;
    pulse->up_ms = now.steady_ms;
    pulse->changed_s = now.wall_s;
}

static void go_up(struct pulse *pulse, struct instant now)
{
    pulse->down = false;
    pulse_return(pulse, now);
}

static void go_down(struct pulse *pulse, struct instant now)
{
    pulse->down = true;
    pulse->returning = false;
    pulse->checks = 0;
    pulse->changed_s = now.wall_s;
}

/*
 * A target that answers checks but has just failed to answer for objects is not
 * well: objects are what clients want.
 */
static bool is_credible(const struct pulse *pulse, const struct probing *rules,
                        const struct pulse_report *report, struct instant now)
{
    return report->source == PULSE_PROBE || !pulse->has_bad_probe ||
           now.steady_ms - pulse->bad_probe_ms >= rules->interval_ms;
}

static bool take_good(struct pulse *pulse, const struct probing *rules,
                      const struct pulse_report *report, struct instant now)
{
    if (report->source == PULSE_PROBE || !(pulse->head_ms > 0))
        note_time(pulse, report->took_ms);
    if (!is_credible(pulse, rules, report, now))
        return false;
    pulse->bad = 0;
    pulse->good++;
    if (!pulse->down || pulse->good < rules->rise)
        return false;
    go_up(pulse, now);
    return true;
}

static bool take_bad(struct pulse *pulse, const struct probing *rules,
                     const struct pulse_report *report, struct instant now)
{
    if (report->source == PULSE_PROBE && report->answer == PULSE_BAD) {
        pulse->has_bad_probe = true;
        pulse->bad_probe_ms = now.steady_ms;
    }
    snprintf(pulse->failure, sizeof pulse->failure, "%s", report->failure ? report->failure : "");
    pulse->failed_s = now.wall_s;
    pulse->good = 0;
    pulse->bad++;
    if (pulse->down || pulse->bad < rules->fall)
        return false;
    go_down(pulse, now);
    return true;
}

bool pulse_take(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                const struct pulse_report *report, struct instant now)
{
    bool was_in_doubt = pulse->bad > 0;
    bool changed = false;

    if (report->answer == PULSE_NEITHER)
        return false;
    if (report->answer == PULSE_GOOD)
        changed = take_good(pulse, rules, report, now);
    else
        changed = take_bad(pulse, rules, report, now);
    if (changed || report->source == PULSE_CHECK || report->answer == PULSE_GOOD || !was_in_doubt)
        plan(pulse, rules, dice, now);
    return changed;
}

double pulse_admit(const struct pulse *pulse, const struct probing *rules, struct instant now)
{
    if (pulse->down)
        return 0;
    if (!pulse->returning)
        return 1;
    int64_t since = now.steady_ms - pulse->up_ms;
    if (since >= rules->return_ms)
        return 1;
    int64_t tenths = 1 + since * (TENTHS - 1) / (int64_t)rules->return_ms;
    return (double)tenths / TENTHS;
}
