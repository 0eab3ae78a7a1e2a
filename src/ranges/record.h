/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database says of an address, and a table that keeps every distinct
 * such record once. Records are named by their number in the table.
 */
#ifndef RANGES_RECORD_H
#define RANGES_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"

enum {
    RECORD_NAME = 64,  /* room for a provider's or region's name, with its NUL */
    RECORD_CITY = 128, /* room for a city's name, with its NUL */
    RECORDS_MAX = 1 << 20
};

/* Empty strings are absent. All bytes beyond a string's NUL are zero. */
struct range_record {
    char provider[RECORD_NAME];     /* "aws" */
    char region[RECORD_NAME];       /* "us-east-1", in signpost's spelling */
    char border_group[RECORD_NAME]; /* "us-east-1-lim-1", where it is not the region */
    char city[RECORD_CITY];         /* "Lima" */
    char country[3];                /* "PE": ISO 3166-1 */
    char continent[3];              /* "SA" */
    bool has_point;
    double latitude, longitude; /* degrees */
};

struct record_table;

/* NULL without memory. record_table_free takes NULL too. */
struct record_table *record_table_new(void);
void record_table_free(struct record_table *table);

/*
 * The number of the record that equals this one, which is added if it is new.
 * -1 without memory or at RECORDS_MAX records.
 */
int32_t record_intern(struct record_table *table, const struct range_record *record);

/* The record of a number that record_intern gave; valid until the next intern. */
const struct range_record *record_at(const struct record_table *table, uint32_t number);
size_t record_count(const struct record_table *table);

/* Copies a slice into a field of the given size. False if it does not fit. */
bool record_set(char *field, size_t size, struct slice value);

/* One line about the record: "aws:us-east-1 (us-east-1-lim-1), Lima, PE". Returns text. */
const char *record_describe(const struct range_record *record, char *text, size_t size);

#endif
