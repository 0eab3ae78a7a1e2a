/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/budget.h"

bool budget_spend(struct budget *budget, const struct probing_rate *rate, int64_t now_ms)
{
    if (now_ms > budget->at_ms)
        budget->spent -= (double)(now_ms - budget->at_ms) / 1000 * rate->per_second;
    if (budget->spent < 0)
        budget->spent = 0;
    budget->at_ms = now_ms;
    if (budget->spent + 1 > rate->burst)
        return false;
    budget->spent += 1;
    return true;
}
