/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads published address ranges, of any known format, into a list. Everything
 * read here is somebody else's: bad input is refused as a whole, with the place.
 */
#ifndef RANGES_READ_H
#define RANGES_READ_H

#include "ranges/range_list.h"

enum {
    INPUT_MAX = 128 * 1024 * 1024,     /* bytes of one file */
    INPUT_JSON_MAX = 32 * 1024 * 1024, /* a parsed JSON text is many times as big */
    LINE_MAX_BYTES = 1000              /* of a line in the text formats */
};

enum range_format {
    FORMAT_UNKNOWN,
    FORMAT_AWS,     /* ip-ranges.json */
    FORMAT_GOOGLE,  /* cloud.json, goog.json */
    FORMAT_AZURE,   /* ServiceTags_*.json */
    FORMAT_ORACLE,  /* public_ip_ranges.json */
    FORMAT_GEOFEED, /* RFC 8805 */
    FORMAT_LIST,    /* one prefix a line */
    FORMAT_RIR      /* delegated-*-extended of the regional internet registries */
};

/* One file, in memory. */
struct range_input {
    const char *name; /* for messages */
    struct slice text;
    enum range_format format;         /* FORMAT_UNKNOWN: found out from the text */
    struct slice provider;            /* of a geofeed's prefixes; may be empty */
    const struct range_record *place; /* of a plain list's prefixes; else NULL */
};

/* The format with this name ("aws", "geofeed" …), or FORMAT_UNKNOWN; and its name. */
enum range_format range_format_named(struct slice name);
const char *range_format_name(enum range_format format);

/*
 * Adds what an input says to the list. False with the error filled, and the list
 * perhaps longer, if the input is not wholly right or holds no prefix.
 */
bool range_read(struct range_list *list, const struct range_input *input,
                struct range_error *error);

/* The readers, one a format, for range_read. */
bool range_read_json(struct range_list *list, const struct range_input *input,
                     struct range_error *error);
bool range_read_geofeed(struct range_list *list, const struct range_input *input,
                        struct range_error *error);
bool range_read_list(struct range_list *list, const struct range_input *input,
                     struct range_error *error);
bool range_read_rir(struct range_list *list, const struct range_input *input,
                    struct range_error *error);

#endif
