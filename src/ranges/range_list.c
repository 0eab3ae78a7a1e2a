/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "ranges/range_list.h"

void range_list_free(struct range_list *list)
{
    free(list->entries);
    list->entries = NULL;
    list->count = list->room = 0;
}

bool range_fail(struct range_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return false;
}

bool range_add(struct range_list *list, const struct prefix *prefix, uint32_t record, int rank,
               struct range_error *error)
{
    if (list->count >= RANGES_MAX)
        return range_fail(error, "There are more than %d prefixes, too many for one database.",
                          RANGES_MAX);
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 1024;
        void *entries = realloc(list->entries, room * sizeof *list->entries);
        if (!entries)
            return range_fail(error, "There is not enough memory for %zu prefixes.", room);
        list->entries = entries;
        list->room = room;
    }
    list->entries[list->count] =
        (struct range_entry){*prefix, (uint8_t)rank, record, (uint32_t)list->count};
    list->count++;
    return true;
}

bool range_intern(struct range_list *list, const struct range_record *record, uint32_t *number,
                  struct range_error *error)
{
    int32_t found = record_intern(list->table, record);
    if (found < 0)
        return range_fail(error, "There are more than %d different places, or not enough memory.",
                          RECORDS_MAX);
    *number = (uint32_t)found;
    return true;
}

void range_date(struct range_list *list, int64_t date)
{
    if (date > list->date)
        list->date = date;
}

static int compare_entries(const void *left, const void *right)
{
    const struct range_entry *a = left, *b = right;
    bool ipv4 = prefix_is_ipv4(&a->prefix);
    if (ipv4 != prefix_is_ipv4(&b->prefix))
        return ipv4 ? -1 : 1;
    int order = prefix_compare(&a->prefix, &b->prefix);
    if (!order)
        order = (int)b->rank - (int)a->rank;
    if (!order)
        order = a->order < b->order ? -1 : 1;
    return order;
}

size_t range_settle(struct range_list *list)
{
    size_t kept = 0, conflicts = 0, counted = SIZE_MAX;
    if (list->count)
        qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
    for (size_t i = 0; i < list->count; i++) {
        const struct range_entry *entry = &list->entries[i];
        const struct range_entry *last = kept ? &list->entries[kept - 1] : NULL;
        if (!last || prefix_compare(&last->prefix, &entry->prefix) != 0)
            list->entries[kept++] = *entry;
        else if (last->rank == entry->rank && last->record != entry->record && counted != kept) {
            conflicts++;
            counted = kept;
        }
    }
    list->count = kept;
    return conflicts;
}
