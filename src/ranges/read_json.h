/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of the providers' JSON files share. For read_*.c only. */
#ifndef RANGES_READ_JSON_H
#define RANGES_READ_JSON_H

#include <jansson.h>
#include "ranges/read.h"

/* Where reading stands: what goes into the list, and how to name it in messages. */
struct json_reader {
    struct range_list *list;
    const struct range_input *input;
    struct range_error *error;
    const char *provider;       /* "aws" */
    const char *array;          /* "prefixes" */
    size_t index;               /* in the array */
    struct range_record record; /* of the region last met */
    uint32_t number;
    int rank;
};

/* The array member of an object, or NULL with the error filled. */
const json_t *json_reader_array(struct json_reader *reader, const json_t *object, const char *name);

/* The string member of an object, or NULL with the error filled. */
const char *json_reader_string(struct json_reader *reader, const json_t *object, const char *name);

/*
 * Makes the record for what follows from a region's name and, with AWS, its
 * border group (else NULL). The region called global has the lowest rank.
 */
bool json_reader_region(struct json_reader *reader, const char *region, const char *group);

/* Adds a prefix of that record. */
bool json_reader_prefix(struct json_reader *reader, const char *text);

/* Takes the date that the file states, if it does. */
void json_reader_date(struct json_reader *reader, const json_t *root, const char *name);

/* One file's content each. */
bool read_aws(struct json_reader *reader, const json_t *root);
bool read_google(struct json_reader *reader, const json_t *root);
bool read_azure(struct json_reader *reader, const json_t *root);
bool read_oracle(struct json_reader *reader, const json_t *root);

#endif
