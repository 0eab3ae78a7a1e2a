/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the prober, once a second, what this responder has counted since it told it last. */
#ifndef REPORTER_H
#define REPORTER_H

#include "asker.h"
#include "log/log.h"
#include "loop.h"
#include "state/counters.h"

struct reporter {
    struct loop_counters loop;                  /* counted by the loop */
    uint64_t crowded, reloads, refused_reloads; /* … and by the front door */
    uint64_t noted[HAPPENINGS]; /* how much of all that is in the counters already */
};

/* Takes into the counters what has happened since the last call. */
void reporter_note(struct reporter *reporter, const struct asker *asker, const struct log *log,
                   struct counters *counters);

/*
 * Sends what has been counted, and takes from the counters what was sent. What was not
 * stays for the next time: there is no prober, or no room within patience_ms.
 */
void reporter_send(struct asker *asker, struct counters *counters, int patience_ms, uint64_t now);

#endif
