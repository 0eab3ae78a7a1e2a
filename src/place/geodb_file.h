/* SPDX-License-Identifier: Apache-2.0 */
/* One MMDB file, open: what geodb.c looks into. */
#ifndef PLACE_GEODB_FILE_H
#define PLACE_GEODB_FILE_H

#include <maxminddb.h>
#include "parse/address.h"
#include "place/geodb.h"
#include "place/place.h"

/* What a database says of one address. */
struct geodb_record {
    struct place place;
    uint32_t asn; /* 0: not known */
};

/* A record that was decoded before. */
struct geodb_cached {
    uint32_t offset_plus_one; /* in the file's data; 0: free */
    struct geodb_record record;
};

enum {
    GEODB_CACHE_BITS = 11, /* a country database has about 250 records, the clouds' 500 */
    GEODB_PATH_PARTS = 8,
    GEODB_PATH_SIZE = 128
};

/* A key path of the configuration's, cut into its parts. */
struct geodb_path {
    char text[GEODB_PATH_SIZE];
    const char *parts[GEODB_PATH_PARTS + 1]; /* in text; parts[0] is NULL if there is none */
};

struct geodb_file {
    MMDB_s mmdb;
    int map; /* the guard's number */
    struct geodb_cached *cache;
};

/* What a look-up found. */
struct geodb_found {
    struct geodb_record record;
    unsigned prefix_bits; /* of the address's own family */
    MMDB_entry_s entry;
};

/*
 * Opens, checks and guards a file. thorough looks at the tree here and there too,
 * which costs more than all the rest. False, with the reason and nothing left
 * open, if it is bad.
 */
bool geodb_file_open(struct geodb_file *file, const char *name, bool thorough, struct why *why);

/* Closes what geodb_file_open opened. */
void geodb_file_close(struct geodb_file *file);

enum geodb_outcome {
    GEODB_NOT_FOUND,
    GEODB_FOUND,
    GEODB_WRONG_FAMILY, /* IPv6 in a database of IPv4 alone */
    GEODB_DAMAGED       /* what stands there cannot be read */
};

/*
 * Looks up an address (an IP address, unwrapped), and decodes its record by the
 * key paths, or the known keys where there is none.
 */
enum geodb_outcome geodb_file_lookup(struct geodb_file *file, const struct places *places,
                                     const struct geodb_path paths[GEODB_FIELDS],
                                     const struct address *address, struct geodb_found *found);

/* Tells every value of a record. False if it cannot be read, or is deeper than people write. */
bool geodb_describe_entry(MMDB_entry_s *entry, geodb_value *value, void *context);

/* Whether anything is known of the place. */
static inline bool place_is_known(const struct place *place)
{
    return place->has_point || place->region != NO_PLACE || place->country != NO_PLACE ||
           place->continent != NO_PLACE;
}

#endif
