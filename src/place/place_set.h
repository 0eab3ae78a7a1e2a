/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of places, compiled from a configuration's words, so that a request
 * costs three bit tests and no comparing of words. Start it with {0}: empty.
 */
#ifndef PLACE_PLACE_SET_H
#define PLACE_PLACE_SET_H

#include "place/place.h"

struct place_set {
    uint64_t hint;                  /* a bit for each entry, some share one: see place_hint */
    bool everyone;                  /* "*": clients of unknown place too */
    uint64_t bits[PLACES_MAX / 64]; /* by place_index: regions, countries, continents */
};

/*
 * Adds what a word means:
 *   "*"                        everyone, also clients of unknown place
 *   "aws:eu-west-3"            a region, with the border groups in it
 *   "eu-west-3"                the same, if only one provider has that name
 *   "aws:*", "gcp:us-*"        all regions whose key matches; '*' may stand anywhere,
 *                              for any bytes
 *   "us-*"                     the same, for the names without provider
 *   "FR", "country:SA"         a country
 *   "EU", "SA", "continent:SA" a continent: so are AF, AS, NA and SA by themselves
 * False, with the reason and the nearest known word in why, for any other.
 */
bool place_set_add(struct place_set *set, const struct places *places, struct slice word,
                   struct why *why);

/* Adds one entry of the table; a region with the border groups in it. */
void place_set_add_place(struct place_set *set, const struct places *places, place_index index);

static inline bool place_set_has_index(const struct place_set *set, place_index index)
{
    return index >= 0 && (set->bits[index / 64] >> (index % 64) & 1) != 0;
}

/*
 * The bits of a place's region, country and continent. Without any of them in its
 * hint, a set has none of the three: most sets are passed over by this one look.
 */
static inline uint64_t place_hint(const struct place *place)
{
    uint64_t hint = 0;

    hint |= place->region >= 0 ? UINT64_C(1) << place->region % 64 : 0;
    hint |= place->country >= 0 ? UINT64_C(1) << place->country % 64 : 0;
    hint |= place->continent >= 0 ? UINT64_C(1) << place->continent % 64 : 0;
    return hint;
}

/* Whether the place's region, country or continent is in the set. */
static inline bool place_set_has(const struct place_set *set, const struct place *place)
{
    return set->everyone || place_set_has_index(set, place->region) ||
           place_set_has_index(set, place->country) || place_set_has_index(set, place->continent);
}

/* Whether text matches a pattern in which '*' stands for any bytes; any case of letters. */
bool glob_matches(struct slice pattern, struct slice text);

#endif
