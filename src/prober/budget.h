/* SPDX-License-Identifier: Apache-2.0 */
/* A rate of requests with a burst: a token bucket, with the clock passed in. */
#ifndef PROBER_BUDGET_H
#define PROBER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include "probing.h"

/* All zero: nothing spent yet. */
struct budget {
    double spent;
    int64_t at_ms;
};

/* Whether one more may be spent now, which is noted. */
bool budget_spend(struct budget *budget, const struct probing_rate *rate, int64_t now_ms);

#endif
