/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health of one target: what follows from its checks, and when the next one is due. Free
 * of I/O, with clock and randomness passed in.
 *
 * A target in use is checked once an interval; after a bad check once a second, until it is
 * decided: `fall` bad checks in a row take it down. Then it is checked at growing distances,
 * and `rise` good ones in a row bring it up again, at first for a tenth of its requests.
 */
#ifndef PROBER_MONITOR_H
#define PROBER_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include "config/probing.h"
#include "core/instant.h"
#include "prober/jitter.h"
#include "state/health.h"

enum { MONITOR_CHECK_MS = 3000 /* a check without an answer is bad after this time */ };

struct monitor {
    bool is_down;
    bool is_checked;     /* it has been, and found good or bad */
    bool last_good;      /* the last check was good */
    bool network_failed; /* the last check found no connection */
    unsigned good, bad;  /* checks in a row */
    unsigned tries;      /* since it went down: each is later than the one before */
    unsigned under_way;  /* checks */
    bool returning;
    int64_t up_ms;      /* when it began to return */
    int64_t down_ms;    /* when it went down */
    int64_t used_ms;    /* when it was last used */
    int64_t next_ms;    /* when it is to be checked next */
    int64_t begun_ms;   /* when its last check began */
    int64_t good_ms;    /* when the last good check began */
    int64_t checked_ms; /* when the last check ended that said something */
    int64_t checked_s;  /* the same in seconds since 1970; 0: never */
    bool used, has_begun;
    double head_ms;              /* mean, newer ones count more; 0: not measured */
    int64_t changed_s, failed_s; /* seconds since 1970 */
    char failure[HEALTH_FAILURE_SIZE];
};

enum check_result {
    RESULT_GOOD,
    RESULT_BAD,
    RESULT_SUSPECT, /* content failed once: bad only if another check confirms it */
    RESULT_NEITHER
};

/* How a check ended. */
struct check_report {
    enum check_result result;
    bool network_failed; /* it found no connection */
    bool limited;        /* the target wants to be asked less: it lives */
    int64_t begun_ms;
    unsigned took_ms;    /* of an answer; 0: there was none */
    const char *failure; /* of a bad or suspect one */
};

enum monitor_change { MONITOR_SAME, MONITOR_WENT_UP, MONITOR_WENT_DOWN };

/* How long until another check while in doubt. */
int64_t monitor_doubt_ms(const struct probing *rules);

/* The target is in use: a check is due at once if it was not before. */
void monitor_use(struct monitor *monitor, struct instant now);

/* Whether it has been used in the last minutes. */
bool monitor_in_use(const struct monitor *monitor, struct instant now);

/* The next check is due soon: least_ms after the last one began. */
void monitor_hurry(struct monitor *monitor, int64_t least_ms, struct instant now);

/* The same for a probe that failed: not so soon that strangers decide how often it is checked. */
void monitor_hurry_for_probe(struct monitor *monitor, const struct probing *rules,
                             struct instant now);

/*
 * Whether a check is due, which then counts as begun; watch: the target may have to stand in
 * for another one, so it is checked although it is not in use.
 */
bool monitor_check_due(struct monitor *monitor, const struct probing *rules, struct jitter *jitter,
                       bool watch, struct instant now);

/* A check that was begun has ended. may_fall: its own network is not in doubt. */
enum monitor_change monitor_take(struct monitor *monitor, const struct probing *rules,
                                 struct jitter *jitter, const struct check_report *report,
                                 bool may_fall, struct instant now);

/* This process has slept: checks under way do not count, and a new one is due at once. */
void monitor_wake(struct monitor *monitor, struct instant now);

/* A probe was answered in this time. */
void monitor_note_time(struct monitor *monitor, unsigned took_ms);

/* Whether nothing is known, or what is known is older than three intervals. */
bool monitor_is_unchecked(const struct monitor *monitor, const struct probing *rules,
                          struct instant now);

/* Whether its checks have taken it down; not if what is known is too old. */
bool monitor_is_down(const struct monitor *monitor, const struct probing *rules,
                     struct instant now);

/* Whether the last check was good, and what is known is not too old. */
bool monitor_is_good(const struct monitor *monitor, const struct probing *rules,
                     struct instant now);

/* It comes back, for another reason than its checks: gradually, too. */
void monitor_return(struct monitor *monitor, struct instant now);

/* Which part of its requests the target may take: 0 to 1, in tenths. */
double monitor_admit(const struct monitor *monitor, const struct probing *rules,
                     struct instant now);

#endif
