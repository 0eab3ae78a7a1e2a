/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/flow.h"

#include <math.h>

enum {
    LEAST_MS = 800,   /* from one measurement to the next */
    MEMORY_MS = 1500, /* how long a measurement counts, mostly */
    SHARE_MS = 3000,  /* until a new share is what responders go by, and their counts have come */
    SETTLE_MS = 5000  /* until it is counted who has to stand in, and for how many requests */
};

/* Newer ones count more; after a pause, they alone. */
static double mean(double before, double rate, double passed_ms)
{
    return before + (rate - before) * (1 - exp(-passed_ms / MEMORY_MS));
}

/* So many more than before; counters begin anew when a target comes back. */
static double more(uint64_t before, uint64_t now)
{
    return now > before ? (double)(now - before) : 0;
}

static void measure_rates(struct flow *flow, uint64_t sent, uint64_t extra, int64_t now_ms)
{
    double passed_ms = (double)(now_ms - flow->at_ms);

    if (flow->began && passed_ms < LEAST_MS)
        return;
    if (flow->began) {
        flow->sent = mean(flow->sent, more(flow->sent_so_far, sent) * 1000 / passed_ms, passed_ms);
        flow->extra =
            mean(flow->extra, more(flow->extra_so_far, extra) * 1000 / passed_ms, passed_ms);
    }
    if (!flow->began)
        flow->began_ms = now_ms;
    flow->began = true;
    flow->at_ms = now_ms;
    flow->sent_so_far = sent;
    flow->extra_so_far = extra;
}

static void measure_share(struct flow *flow, const struct flow_sight *sight)
{
    const struct counters_target *counted = sight->counted;
    int64_t now_ms = sight->now.steady_ms;

    if (sight->share != flow->share || counted->in_share < flow->in_before ||
        counted->out_of_share < flow->out_before) {
        flow->share = sight->share;
        flow->share_ms = now_ms;
    }
    if (now_ms - flow->share_ms < SHARE_MS) {
        flow->in_before = counted->in_share;
        flow->out_before = counted->out_of_share;
    }
    flow->in = counted->in_share - flow->in_before;
    flow->out = counted->out_of_share - flow->out_before;
}

void flow_measure(struct flow *flow, const struct flow_sight *sight)
{
    if (sight->is_down && !flow->is_down) {
        flow->down_ms = sight->now.steady_ms;
        flow->lost = flow->sent;
    }
    flow->is_down = sight->is_down;
    measure_rates(flow, counters_sum_target(sight->counted),
                  sight->counted->extra_taken + sight->counted->extra_left, sight->now.steady_ms);
    measure_share(flow, sight);
}

double flow_adrift(const struct flow *flow, struct instant now)
{
    return flow->is_down && now.steady_ms - flow->down_ms < SETTLE_MS ? flow->lost : 0;
}

double flow_extra_part(const struct flow *flow, double per_second, double adrift,
                       struct instant now)
{
    double extra = flow->extra > adrift ? flow->extra : adrift;

    if (flow->has_former_part && now.steady_ms - flow->began_ms < SETTLE_MS)
        return flow->former_part;
    return extra > per_second ? per_second / extra : 1;
}
