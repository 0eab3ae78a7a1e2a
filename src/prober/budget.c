/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/budget.h"

enum { RETRY_AFTER_MAX_S = 3600, MINUTE_MS = 60 * 1000 };

static const double recovered_a_minute = 0.1;

/* The part of the rate that is taken away now. */
static double cut_now(const struct budget *budget, int64_t now_ms)
{
    double passed = now_ms > budget->cut_ms ? (double)(now_ms - budget->cut_ms) / MINUTE_MS : 0;
    double cut = budget->cut - recovered_a_minute * passed;

    return cut > 0 ? cut : 0;
}

/* What is left of a configured rate: 1/s at the least, where more is configured. */
static double left_of(const struct probing_rate *rate, double cut)
{
    double least = rate->per_second < 1 ? rate->per_second : 1;
    double left = rate->per_second * (1 - cut);

    return left > least ? left : least;
}

double budget_rate(const struct budget *budget, const struct probing_rate *rate, int64_t now_ms)
{
    return left_of(rate, cut_now(budget, now_ms));
}

/* The burst shrinks with the rate, else it would be too much at once. */
static double burst_now(const struct budget *budget, const struct probing_rate *rate,
                        int64_t now_ms)
{
    double burst = rate->burst * (1 - cut_now(budget, now_ms));

    return burst > 1 ? burst : 1;
}

bool budget_is_closed(const struct budget *budget, int64_t now_ms)
{
    return now_ms < budget->closed_ms;
}

bool budget_spend(struct budget *budget, const struct probing_rate *rate, int64_t now_ms)
{
    if (now_ms > budget->at_ms)
        budget->spent -=
            (double)(now_ms - budget->at_ms) / 1000 * budget_rate(budget, rate, now_ms);
    if (budget->spent < 0)
        budget->spent = 0;
    budget->at_ms = now_ms;
    if (budget_is_closed(budget, now_ms) || budget->spent + 1 > burst_now(budget, rate, now_ms))
        return false;
    budget->spent += 1;
    return true;
}

void budget_cut(struct budget *budget, const struct probing_rate *rate, int64_t begun_ms,
                unsigned retry_after_s, int64_t now_ms)
{
    unsigned pause_s = retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S;
    int64_t open_ms = now_ms + (int64_t)pause_s * 1000;

    if (open_ms > budget->closed_ms)
        budget->closed_ms = open_ms;
    if (budget->cut_ms != 0 && begun_ms <= budget->cut_ms)
        return;
    double left = left_of(rate, 1 - (1 - cut_now(budget, now_ms)) / 2);
    budget->cut = rate->per_second > 0 ? 1 - left / rate->per_second : 0;
    budget->cut_ms = now_ms;
    double burst = burst_now(budget, rate, now_ms);
    if (budget->spent > burst)
        budget->spent = burst; /* else nothing at all would be spent for minutes */
}
