/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of fetching an index's source: the file INDEX_STATUS in the source's folder of the
 * state directory. Its one line:
 *
 *     source ID SERIAL TIME_S LINES FETCHED_S ASKED_S REFUSED [REASON]
 */
#ifndef STATE_INDEX_STATUS_H
#define STATE_INDEX_STATUS_H

#include "state/index_list.h"

#define INDEX_STATUS "status"

struct index_source_status {
    char id[INDEX_SOURCE_ID_SIZE];
    uint64_t serial, lines; /* of the list that serves; serial 0: none */
    int64_t time_s;         /* when it was made */
    int64_t fetched_s;      /* when it was fetched */
    int64_t asked_s;        /* when the source last answered with a list that is no older; 0: never,
                               or by none of today's keys */
    uint64_t refused;       /* how often a source was refused as a whole */
    struct why reason;      /* of the last one asked; empty: all was well */
};

/* Whether a source has given no good answer for so long that somebody should look: a day. */
static inline bool index_status_is_stale(const struct index_source_status *source, int64_t now_s)
{
    return now_s - source->asked_s >= 24 * 3600;
}

struct index_status {
    size_t count;
    struct index_source_status source[INDEX_SOURCES_MAX];
};

/* Reads that of all sources from an open state directory; what cannot be read is left out. */
void index_status_read(struct index_status *status, int directory,
                       const struct index_source *sources, size_t count);

/* Reads that of a source from its folder, which is open. False if it cannot be read. */
bool index_status_read_source(struct index_source_status *status, int folder);

/* Replaces it there. False with errno. */
bool index_status_write(const struct index_source_status *status, int folder);

/* What is said of a source; NULL: nothing. */
const struct index_source_status *index_status_find(const struct index_status *status,
                                                    const struct index_source *source);

#endif
