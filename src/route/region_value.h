/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a region header, or SIGNPOST_REGION, says: where the client is. The value
 * is hostile, and may be one word or several separated by commas, as load
 * balancers send country, subdivision and coordinates ("US,USCA,37.4,-122.1").
 * A word is, in this order:
 *   a name of the configuration's   (a region or upstream: the caller knows them)
 *   a region                        "aws:eu-west-3", "eu-west-3"
 *   a country                       "FR", "fr", "country:SA"; AF, AS, NA and SA too,
 *                                   since load balancers send countries
 *   a continent                     "EU", "continent:SA"
 * and two numbers side by side are a latitude and a longitude, in degrees.
 * Everything else (XX, T1, ZZ, "", "0,0", a city) is not known, and passed over.
 *
 * Of several the most precise one wins: a name, then a region, coordinates, a
 * country, a continent; the first of its kind. A region goes before coordinates,
 * since those come from tables of addresses, which put a cloud's addresses at
 * its owner's office. What the winner leaves open is taken from the others:
 * coordinates get the country that came with them.
 */
#ifndef ROUTE_REGION_VALUE_H
#define ROUTE_REGION_VALUE_H

#include "place/place.h"

/* What a value was read as; the most precise last. */
enum region_reading {
    READ_NOTHING,
    READ_CONTINENT,
    READ_COUNTRY,
    READ_COORDINATES,
    READ_REGION,
    READ_NAME,
    REGION_READINGS
};

enum {
    REGION_WORDS_MAX = 16 /* words looked at in one request; what follows is passed over */
};

/*
 * Looks up a name of the configuration's. Returns a number of the caller's own,
 * not negative, and sets place; or -1 if there is no such name.
 */
typedef int region_name_lookup(const void *context, struct slice word, struct place *place);

/* The vocabulary. All may be NULL. */
struct region_words {
    const struct places *places;
    region_name_lookup *lookup;
    const void *context;
};

/* A reading under way. Start it with {0}. */
struct region_value {
    unsigned words;                     /* looked at so far */
    unsigned known;                     /* bits by enum region_reading */
    int name;                           /* what the lookup returned, for READ_NAME */
    struct slice latitude;              /* the word before, if it was a number */
    struct slice word[REGION_READINGS]; /* which said so; borrowed from the values */
    struct place place[REGION_READINGS];
};

/* Reads one value; call it for each of a repeated header's values, in their order. */
void region_value_read(struct region_value *value, const struct region_words *words,
                       struct slice text);

/* What won; READ_NOTHING means that the address must say. */
enum region_reading region_value_reading(const struct region_value *value);

/* The place; NOWHERE for READ_NOTHING. */
struct place region_value_place(const struct region_value *value);

/* "country" and the like, for people. */
const char *region_reading_name(enum region_reading reading);

/*
 * A number of degrees: an optional sign, one to three digits, and perhaps a dot
 * and digits. False for everything else: exponents, hexadecimal, NaN.
 */
bool parse_degrees(struct slice text, double *degrees);

#endif
