/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the prober shows to everybody: the sums of what responders count, and how the
 * targets are, written to the public files every few seconds in which there is news.
 */
#ifndef PROBER_SHOWING_H
#define PROBER_SHOWING_H

#include "core/instant.h"
#include "prober/remote.h"
#include "state/control.h"
#include "state/counters.h"
#include "status/status.h"

struct showing {
    struct counters *counters;
    const struct config *config;
    int64_t started_s;
    int64_t written_ms;
    uint64_t mark; /* of what was written last */
    struct atlas *atlas;
    bool failed;
};

/* What there is to show besides the counters. */
struct showing_view {
    const struct remotes *remotes;
    const struct control *control;
    const struct counter_line *lines; /* the prober's own counters */
    size_t line_count;
    struct instant now;
};

/*
 * Goes over to a configuration, which is borrowed, with counters made for it, which are
 * taken over; the former configuration must still be there. Nothing that was counted is lost.
 */
void showing_take(struct showing *showing, const struct config *config, struct counters *counters,
                  struct instant now);

/* Whether the files may be written again, and it is worth a look whether there is news. */
bool showing_is_due(const struct showing *showing, struct instant now);

/* Writes the public files if there is news. False, the first time in a row, with the reason. */
bool showing_write(struct showing *showing, const struct showing_view *view,
                   const struct state *state, struct why *why);

void showing_end(struct showing *showing);

#endif
