/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an address is, by databases in the MMDB format, read by libmaxminddb.
 * They are asked in order, until country and point are known (so own cloud ranges
 * go first): the first that knows the place says it, later ones fill in what it
 * leaves open, such as the country of a cloud's anycast addresses, or the number
 * of the autonomous system. Each file is mapped when it
 * is first needed, guarded against being cut short (see mapped.h), and taken
 * anew when it is replaced.
 */
#ifndef PLACE_GEODB_H
#define PLACE_GEODB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/why.h"
#include "parse/address.h"
#include "place/place.h"

/* What a record may say. */
enum geodb_field {
    GEODB_PROVIDER,
    GEODB_REGION,
    GEODB_BORDER_GROUP,
    GEODB_COUNTRY,   /* an ISO code */
    GEODB_CONTINENT, /* a code */
    GEODB_LATITUDE,
    GEODB_LONGITUDE,
    GEODB_ASN,
    GEODB_FIELDS
};

/* One database of a configuration. */
struct geodb_source {
    const char *file;
    /*
     * Where a field stands, keys joined by dots ("country.iso_code"); NULL: where
     * MaxMind's files, ip-location-db's and signpost's own have it.
     */
    const char *keys[GEODB_FIELDS];
};

/* Told of each thing that is wrong once: a whole sentence. */
typedef void geodb_log(void *context, const char *text);

struct geodb;

/* Whether this signpost was built with libmaxminddb. Without, nothing is ever found. */
bool geodb_supported(void);

/*
 * A set of databases; opens nothing yet. sources are copied, places are borrowed.
 * NULL, with the reason in why, if a key path is too long, or there is no memory.
 */
struct geodb *geodb_new(const struct geodb_source *sources, size_t count,
                        const struct places *places, geodb_log *log, void *log_context,
                        struct why *why);

/* Closes all; NULL is fine. */
void geodb_free(struct geodb *geodb);

/* Opens and checks one file, for `signpost check`. False, with the reason in why, if it is bad. */
bool geodb_check(const char *file, struct why *why);

struct geodb_answer {
    struct place place;   /* NOWHERE if unknown */
    uint32_t asn;         /* number of the autonomous system, 0 if unknown */
    int place_source;     /* which source said the place first, -1: none */
    int asn_source;       /* which source said the number, -1: none */
    unsigned prefix_bits; /* of the place's entry: 24 for a /24, in the family looked up */
};

/*
 * Looks an address up; NAT64 and 6to4 addresses by the IPv4 address inside. What
 * is no IP address, or is in no database, is unknown. A number of an autonomous
 * system is only looked for if want_asn.
 */
struct geodb_answer geodb_lookup(struct geodb *geodb, const struct address *address, bool want_asn);

/*
 * Looks, at most once a second of the clock now_ms (any monotonic milliseconds),
 * whether files were replaced. A good replacement is taken at once; a bad one is
 * refused, and what was open serves on.
 */
void geodb_refresh(struct geodb *geodb, int64_t now_ms);

/* Told of each value of a record: its key path, joined by dots, and its text. */
typedef void geodb_value(void *context, const char *path, const char *value);

/*
 * Lists the whole record that a source has for an address, for people. False if
 * it has none, or the record cannot be read.
 */
bool geodb_describe(struct geodb *geodb, int source, const struct address *address,
                    geodb_value *value, void *context);

#endif
