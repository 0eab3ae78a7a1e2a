/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of requests, by what they are, where from, and where they go now and then. */
#ifndef CMD_REPLAY_TALLY_H
#define CMD_REPLAY_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"
#include "parse/classify.h"
#include "place/place.h"

/* What becomes of a request: a number for a target, a page or a status. */
typedef uint16_t tally_outcome;
enum { OUTCOME_PAGES = 0x4000, OUTCOME_STATUSES = 0x8000 }; /* targets are below both */

struct tally_key {
    enum request_class class;
    place_index place;
    bool place_is_new; /* it is of the new configuration's places, not the present one's */
    bool changed;
    tally_outcome before, after;
};

struct tally_row {
    uint64_t packed; /* the key; 0: free */
    uint64_t requests, bytes;
    char *example; /* a request's target, of rows with a change; perhaps NULL */
};

struct tally;

/* An empty one; NULL if there is no memory. Free it with tally_free; NULL is fine there. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);

/* Counts one request. False if there is no memory. */
bool tally_add(struct tally *tally, const struct tally_key *key, uint64_t bytes,
               struct slice example);

/* Brings the rows into order, the most requests first; nothing can be added any more. */
const struct tally_row *tally_sort(struct tally *tally, size_t *count);

/* The key of a row. */
struct tally_key tally_key_of(const struct tally_row *row);

#endif
