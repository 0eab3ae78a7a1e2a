/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the file "health" in the state directory, for responders and people:
 *
 *     signpost-health VERSION PUBLISHED_S INTERVAL_MS PROCESS
 *     target ID up|down ADMIT_PERCENT HEAD_MS CHANGED_S FAILED_S PROBES CHECKS PRESENT ABSENT
 *            FAILED REFUSED SKIPPED NAME [LAST FAILURE]                  (one line)
 *     flow ID EXTRA_PART IN_SHARE OUT_OF_SHARE                      (part: 10000 is all)
 *     check ID unchecked|up|returning|down CHECKED_S FORGOTTEN_S WITNESSES
 *     network-doubt SINCE_S                                 (while its own network is in doubt)
 *     counter NAME VALUE
 */
#ifndef PROBER_PUBLISH_H
#define PROBER_PUBLISH_H

#include "core/why.h"
#include "prober/remote.h"
#include "state/state.h"
#include "status/status.h"

struct publication {
    const struct remotes *remotes;
    const struct probing *rules;
    const struct counter_line *counters;
    size_t counter_count;
    struct instant now;
};

/*
 * A number that changes with what readers should know soon: states, shares,
 * failures, and HEAD times by their magnitude; counters do not count.
 */
uint64_t publish_mark(const struct publication *publication);

/*
 * Replaces the file in the state directory, which is open, by rename. It may be read by the
 * directory's group. Returns false with the reason.
 */
bool publish(const struct publication *publication, const struct state *state, struct why *why);

#endif
