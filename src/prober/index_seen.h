/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mirrors of a source had when they were last asked, so that the same is neither sent
 * nor judged again: the file INDEX_SEEN in the source's folder of the state directory. A line
 * each, of fields with tabs between them:
 *
 *     URL CIRCUMSTANCES SINCE_S VALIDATOR [REASON]
 */
#ifndef PROBER_INDEX_SEEN_H
#define PROBER_INDEX_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/why.h"
#include "prober/index_remote.h"

#define INDEX_SEEN "seen"

enum { INDEX_CIRCUMSTANCES_SIZE = 16 + 1 };

struct index_seen {
    /* A hash of what the list was judged by: the registry, the keys, the list that serves. */
    char circumstances[INDEX_CIRCUMSTANCES_SIZE];
    int64_t since_s;                      /* when it was sent and judged */
    char validator[INDEX_VALIDATOR_SIZE]; /* see index_remote.h; empty: nothing is known */
    struct why reason;                    /* why it was refused; empty: it is the one that serves */
};

/* Reads what a mirror had; empty where nothing is known. */
void index_seen_read(struct index_seen *seen, int folder, const char *url);

/* Replaces all. False with errno; then the same is sent and judged again. */
bool index_seen_write(const struct index_seen *seen, const char *const *urls, size_t count,
                      int folder);

#endif
