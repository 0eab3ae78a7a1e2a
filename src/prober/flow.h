/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much comes to one target: measured about once a second from what all responders
 * have counted, with the clock passed in. It tells which share a target has been seen
 * to take, and which part of the extra requests keeps a stand-in below its rate.
 */
#ifndef PROBER_FLOW_H
#define PROBER_FLOW_H

#include <stdbool.h>
#include "core/instant.h"
#include "state/counters.h"

struct flow {
    bool began;
    int64_t began_ms, at_ms; /* the first and the last measurement */
    uint64_t sent_so_far, extra_so_far;
    double sent;  /* requests a second that are sent to it, newer ones count more */
    double extra; /* … that are meant for others that are down, and near it */

    bool has_former_part;
    double former_part; /* of the extra requests, by a prober before this one */

    bool is_down;
    int64_t down_ms; /* when it went down, */
    double lost;     /* … and what was sent to it a second before that */

    double share;                   /* that it has been given, */
    int64_t share_ms;               /* … when, */
    uint64_t in_before, out_before; /* … and what had been drawn by then */
    uint64_t in, out;               /* requests meant for it since: let in, and not */
};

/* What a measurement looks at. */
struct flow_sight {
    const struct counters_target *counted; /* since the prober's start */
    double share;                          /* the target is to take */
    bool is_down;
    struct instant now;
};

/* Measures; within a moment of the last time, it notes only that the target went down. */
void flow_measure(struct flow *flow, const struct flow_sight *sight);

/*
 * Requests a second that have just lost their target: for a few seconds those that were
 * sent to it, since nobody can have counted yet to whom they go; then 0.
 */
double flow_adrift(const struct flow *flow, struct instant now);

/*
 * The part of the extra requests that a stand-in may take to stay below so many a
 * second, while so many are adrift, which could all come to it.
 */
double flow_extra_part(const struct flow *flow, double per_second, double adrift,
                       struct instant now);

#endif
