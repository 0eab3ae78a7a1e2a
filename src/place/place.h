/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where something is: a cloud region, a country, a continent or a point on the
 * globe, and which of these a configuration's words mean.
 *
 * Regions, countries and continents are entries of one table of facts that is
 * compiled in (from the .tsv files in src/place/tables/), sorted by key, with no cost
 * at start. A configuration may add entries and correct them: struct places
 * holds what it changed. A place_index, NO_PLACE if unknown, names an entry;
 * where a struct places is asked for, NULL means the compiled-in table alone.
 */
#ifndef PLACE_PLACE_H
#define PLACE_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"
#include "core/why.h"

typedef int16_t place_index;
enum { NO_PLACE = -1 };

enum {
    PLACE_KEY_SIZE = 48,  /* with the final NUL */
    PLACE_NAME_SIZE = 64, /* with the final NUL */
    PLACES_MAX = 2048     /* entries, the configuration's included */
};

enum place_kind { PLACE_REGION, PLACE_COUNTRY, PLACE_CONTINENT };

/*
 * One fact. Regions, countries and continents have keys such as
 * "aws:eu-west-3", "FR" and "EU". The four codes that mean both a country and a
 * continent have their kind in front: "country:SA", "continent:SA".
 */
struct place_fact {
    char key[PLACE_KEY_SIZE];   /* "aws:eu-west-3", "aws:us-east-1-lim-1", "FR", "EU" */
    char name[PLACE_NAME_SIZE]; /* "Paris", "France", "Europe"; empty if there is none */
    enum place_kind kind;
    bool has_point;
    place_index within;        /* a border group's region, else NO_PLACE */
    place_index country;       /* of a region, if it has one; a country names itself */
    place_index continent;     /* of a region or country, if known; a continent names itself */
    float latitude, longitude; /* degrees, north and east positive */
    float point[3];            /* the same as a unit vector */
};

/* What is known of one client or one target. All fields may be unknown. */
struct place {
    place_index region, country, continent;
    bool has_point;
    float point[3]; /* unit vector */
};

extern const struct place NOWHERE;

/* What a bare code means that names both a country and a continent: AF AS NA SA. */
enum place_code { CODE_IS_COUNTRY, CODE_IS_CONTINENT };

/* A place as a configuration gives it: a new one, or what differs in a known one. */
struct own_place {
    struct slice key;     /* "onprem:berlin", or the key of a known place */
    struct slice name;    /* empty: the key's last part, or as it was */
    struct slice country; /* empty: none, or as it was */
    bool has_point;
    double latitude, longitude; /* degrees */
};

struct place_correction {
    place_index index;
    struct place_fact fact;
};

/* What one configuration adds to the table, and corrects in it. All zero: nothing. */
struct places {
    struct place_fact *added; /* entries from the end of the compiled-in table on */
    struct place_correction *corrected;
    int added_count, corrected_count;
};

/*
 * Adds a place, or corrects one that is known, for everything looked up
 * afterwards. Copies what it is given. False, with the reason in why: the words
 * are wrong, the country is unknown, there are too many, or no memory.
 */
bool places_add(struct places *places, const struct own_place *own, struct why *why);

/* Frees what was added; the compiled-in table is left. */
void places_free(struct places *places);

/* The number of entries: each place_index from 0 up to it is one. */
int place_count(const struct places *places);

/* The entry, or NULL for NO_PLACE. Good until the next places_add. */
const struct place_fact *place_fact(const struct places *places, place_index index);

/* The key of an entry ("aws:eu-west-3"), or "-" for NO_PLACE; for people. */
const char *place_key(const struct places *places, place_index index);

/*
 * The entry with this key, in any case of letters, or NO_PLACE: "aws:eu-west-3",
 * "azure:francecentral" (an alias), "FR", "country:FR", "EU", "continent:EU".
 * code says what AF, AS, NA and SA mean by themselves. A region needs its
 * provider here.
 */
place_index place_find(const struct places *places, struct slice key, enum place_code code);

/*
 * The region of this name, with its provider ("aws:eu-west-3") or without
 * ("eu-west-3"), or NO_PLACE: also if two providers have one of that name.
 */
place_index place_find_region(const struct places *places, struct slice name);

/*
 * Everything that follows from an entry: its country, continent and point. A
 * region of which only the country is known stands at the country's point.
 */
struct place place_of(const struct places *places, place_index index);

/*
 * The unit vector of a latitude and a longitude in degrees. False, and out left
 * alone, unless they are numbers within -90 to 90 and -180 to 180.
 */
bool place_point(double latitude, double longitude, float out[3]);

/* The known place that a misspelt word most likely means, or NULL. */
const char *place_suggest(const struct places *places, struct slice word);

/*
 * The great-circle distance between two unit vectors, in km, on a sphere of the
 * earth's mean radius, 6371.0088 km (IUGG). To compare distances, compare dot
 * products: the greater one is nearer.
 */
double place_distance_km(const float a[3], const float b[3]);

#endif
