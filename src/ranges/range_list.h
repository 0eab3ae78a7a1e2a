/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers fill: prefixes with their records, in the order of the
 * input, and the newest date that the input states of itself. And what they say
 * when the input is bad.
 */
#ifndef RANGES_RANGE_LIST_H
#define RANGES_RANGE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ranges/prefix.h"
#include "ranges/record.h"

enum {
    RANGES_MAX = 8 * 1000 * 1000, /* prefixes in one list */
    RANGE_ERROR_TEXT = 600
};

struct range_entry {
    struct prefix prefix;
    uint8_t rank;    /* of two entries with one prefix the higher rank wins, then the first */
    uint32_t record; /* in the table */
    uint32_t order;  /* when it was added */
};

enum { RANK_GLOBAL = 0, RANK_COUNTRY = 1, RANK_REGION = 2, RANK_ZONE = 3 };

struct range_list {
    struct range_entry *entries;
    size_t count, room;
    struct record_table *table; /* borrowed; lists that are compared share it */
    int64_t date;               /* seconds since 1970, the newest seen; 0: none */
    size_t passed_over;         /* lines that are right but name no usable place */
};

/* A whole sentence that says which file, where in it, and what to do. */
struct range_error {
    char text[RANGE_ERROR_TEXT];
};

void range_list_free(struct range_list *list);

/* Adds one prefix. False, with the error filled, without memory or at RANGES_MAX. */
bool range_add(struct range_list *list, const struct prefix *prefix, uint32_t record, int rank,
               struct range_error *error);

/* Interns a record; false with the error filled if there is no room. */
bool range_intern(struct range_list *list, const struct range_record *record, uint32_t *number,
                  struct range_error *error);

/*
 * Sorts the entries, IPv4 first, and keeps one for each prefix. Returns how many
 * prefixes had different records of one rank, of which the first was kept.
 */
size_t range_settle(struct range_list *list);

/* Remembers a date of the input if it is the newest so far and not before 1970. */
void range_date(struct range_list *list, int64_t date);

/* "1 prefix", "2 prefixes" in a message: the end of the word. */
static inline const char *plural(size_t count, const char *end)
{
    return count == 1 ? "" : end;
}

/* Fills the error; always false, so that it can be returned. */
__attribute__((format(printf, 2, 3))) bool range_fail(struct range_error *error, const char *format,
                                                      ...);

#endif
