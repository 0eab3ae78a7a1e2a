/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many probes a target may be sent: a rate with a burst (a token bucket), which becomes
 * less when the target says that it is too much. The clock is passed in.
 */
#ifndef PROBER_BUDGET_H
#define PROBER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include "config/probing.h"

/* All zero: nothing spent yet. */
struct budget {
    double spent;
    int64_t at_ms;
    double cut;        /* the part of the rate that is taken away: 0 to 1 */
    int64_t cut_ms;    /* when a part was last taken away */
    int64_t closed_ms; /* nothing is spent before (Retry-After) */
};

/* The requests a second that may be sent now. */
double budget_rate(const struct budget *budget, const struct probing_rate *rate, int64_t now_ms);

/* Whether one more may be spent now, which is noted. */
bool budget_spend(struct budget *budget, const struct probing_rate *rate, int64_t now_ms);

/* Whether nothing may be spent, since the target has asked for a pause. */
bool budget_is_closed(const struct budget *budget, int64_t now_ms);

/*
 * The target has answered with 429 to a request that began at this time: the rate is halved,
 * to 1/s at the least, but only once for all requests that were under way together. It
 * recovers by a tenth of the configured rate a minute. retry_after_s: of the answer, or 0.
 */
void budget_cut(struct budget *budget, const struct probing_rate *rate, int64_t begun_ms,
                unsigned retry_after_s, int64_t now_ms);

#endif
