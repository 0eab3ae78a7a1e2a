/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled-in table of facts, which src/place/tables/generate.awk writes. For place.c only. */
#ifndef PLACE_PLACE_DATA_H
#define PLACE_PLACE_DATA_H

#include "place/place.h"

/* Entries of the table from first up to, and without, end. */
struct place_range {
    int first, end;
};

/* The compiled-in entries whose keys begin so, in any case of letters. */
struct place_range places_with_start(struct slice start);

struct place_alias {
    char key[PLACE_KEY_SIZE];
    place_index index;
};

/* Sorted by key in lower case. */
extern const int places_builtin;
extern const struct place_fact place_facts[];

/* A power of two: the facts by the hash of their key in lower case; see find_builtin. */
extern const unsigned place_slot_count;
extern const place_index place_slots[];

/* The regions, sorted by their names without the provider. */
extern const int places_bare;
extern const place_index place_bare[];

/* Other names of regions. */
extern const int places_aliases;
extern const struct place_alias place_aliases[];

#endif
