/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what became of requests. */
#ifndef LOG_COUNT_H
#define LOG_COUNT_H

#include "route/route.h"
#include "state/counters.h"

/*
 * Counts a request that has been decided on with the counters' configuration, so many
 * nanoseconds after it came.
 */
void count_request(struct counters *counters, const struct config *config,
                   const struct routed *routed, uint64_t took_ns);

#endif
