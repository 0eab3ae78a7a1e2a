/* SPDX-License-Identifier: Apache-2.0 */
/* A rate with a burst, by a clock that the test turns. */
#include "prober/budget.h"
#include "tap.h"

/* How many of so many are granted at one time. */
static int granted(struct budget *budget, const struct probing_rate *rate, int64_t now_ms,
                   int wanted)
{
    int count = 0;

    for (int i = 0; i < wanted; i++)
        count += budget_spend(budget, rate, now_ms);
    return count;
}

int main(void)
{
    const struct probing_rate rate = {10, 20}, none = {0, 3}, slow = {0.1, 1};
    struct budget budget = {0};

    cmp_ok(granted(&budget, &rate, 1000000, 100), ==, 20, "a burst at the start");
    cmp_ok(granted(&budget, &rate, 1000000, 100), ==, 0, "then nothing");
    cmp_ok(granted(&budget, &rate, 1000100, 100), ==, 1, "one after a tenth of a second");
    cmp_ok(granted(&budget, &rate, 1001100, 100), ==, 10, "ten after a second");
    cmp_ok(granted(&budget, &rate, 1001101, 100), ==, 0, "a millisecond is not enough");
    cmp_ok(granted(&budget, &rate, 1900000, 100), ==, 20, "a long pause gives the burst, no more");

    int sum = 0;
    for (int ms = 1; ms <= 10000; ms++)
        sum += granted(&budget, &rate, 1900000 + ms, 5);
    cmp_ok(sum, >=, 99, "over ten seconds, asked each millisecond: the rate");
    cmp_ok(sum, <=, 101, "and no more");

    budget = (struct budget){0};
    granted(&budget, &rate, 5000000, 100);
    cmp_ok(granted(&budget, &rate, 4000000, 100), ==, 0, "a clock that goes back gives nothing");
    cmp_ok(granted(&budget, &rate, 4001000, 100), ==, 10,
           "and takes nothing: it counts from there");

    budget = (struct budget){0};
    cmp_ok(granted(&budget, &none, 1, 10), ==, 3, "without a rate there is the burst,");
    cmp_ok(granted(&budget, &none, 1000000000, 10), ==, 0, "once");

    budget = (struct budget){0};
    cmp_ok(granted(&budget, &slow, 1, 10), ==, 1, "less than one a second");
    cmp_ok(granted(&budget, &slow, 5001, 10), ==, 0, "none after five seconds");
    cmp_ok(granted(&budget, &slow, 10002, 10), ==, 1, "one after ten");

    struct probing_rate smaller = {10, 2};
    budget = (struct budget){0};
    granted(&budget, &rate, 1000, 20);
    cmp_ok(granted(&budget, &smaller, 2000, 10), ==, 0, "after a reload with a smaller burst");
    cmp_ok(granted(&budget, &smaller, 4000, 10), ==, 2, "it is soon right");
    return done_testing();
}
