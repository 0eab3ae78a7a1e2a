/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health of one target: what follows from answers, good and bad. Free of I/O,
 * with clock and randomness passed in.
 *
 * `fall` bad answers in a row take a target down; then it is asked only now and
 * then, at growing distances, and `rise` good ones in a row bring it up again, at
 * first for a tenth of its requests. While objects are asked for, their answers tell;
 * else it is checked, if it is in use.
 */
#ifndef PROBER_PULSE_H
#define PROBER_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include "health.h"
#include "instant.h"
#include "probing.h"

enum pulse_answer {
    PULSE_GOOD,
    PULSE_BAD,    /* it answered that it cannot, or nonsense */
    PULSE_NONE,   /* no answer: refused, reset, too late */
    PULSE_NEITHER /* an answer that tells nothing of its health */
};

enum pulse_source { PULSE_PROBE, PULSE_CHECK };

struct pulse {
    bool down;
    unsigned good, bad; /* answers in a row */
    unsigned checks;    /* since it went down: each is later than the one before */
    bool returning;
    int64_t up_ms;        /* when it began to return */
    int64_t used_ms;      /* when it was last used */
    int64_t next_ms;      /* when it is to be asked next */
    int64_t bad_probe_ms; /* when an object was last answered badly */
    bool has_bad_probe, used;
    double head_ms;              /* mean, newer ones count more; 0: not measured */
    int64_t changed_s, failed_s; /* seconds since 1970 */
    char failure[HEALTH_FAILURE_SIZE];
};

/* Random numbers, for checks that do not all come at once. Seed it with anything but 0. */
struct pulse_dice {
    uint64_t state;
};

/* What has been answered, and how long it took. */
struct pulse_report {
    enum pulse_source source;
    enum pulse_answer answer;
    unsigned took_ms;
    const char *failure; /* of a bad answer or none */
};

/* How long until another look while in doubt. */
int64_t pulse_doubt_ms(const struct probing *rules);

/* A factor from 0.9 to 1.1, so that not all looks come at once. */
double pulse_jitter(struct pulse_dice *dice);

/* The target is in use; the first time in a while, a check is soon due. */
void pulse_use(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
               struct instant now);

/* Whether an object may be asked for: while it is down, only now and then, to try. */
bool pulse_may_probe(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                     struct instant now);

/* Whether a check is due; then the next one is later. */
bool pulse_check_due(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                     struct instant now);

/* Takes in an answer. Returns whether the target went up or down. */
bool pulse_take(struct pulse *pulse, const struct probing *rules, struct pulse_dice *dice,
                const struct pulse_report *report, struct instant now);

/* Whether it has been used in the last minutes. */
bool pulse_in_use(const struct pulse *pulse, struct instant now);

/* It comes back, for another reason than its answers: gradually, too. */
void pulse_return(struct pulse *pulse, struct instant now);

/* Which part of its requests the target may take: 0 to 1, in tenths. */
double pulse_admit(const struct pulse *pulse, const struct probing *rules, struct instant now);

#endif
