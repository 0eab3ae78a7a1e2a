/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/fnv.h"
#include "ranges/record.h"

struct record_table {
    struct range_record *records;
    size_t count, room;
    uint32_t *slots; /* record number + 1; 0 is free; a power of two of them */
    size_t slot_count;
};

enum { FIRST_ROOM = 256 };

struct record_table *record_table_new(void)
{
    struct record_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->room = FIRST_ROOM;
    table->slot_count = 2 * FIRST_ROOM;
    table->records = calloc(table->room, sizeof *table->records);
    table->slots = calloc(table->slot_count, sizeof *table->slots);
    if (!table->records || !table->slots) {
        record_table_free(table);
        return NULL;
    }
    return table;
}

void record_table_free(struct record_table *table)
{
    if (!table)
        return;
    free(table->records);
    free(table->slots);
    free(table);
}

/* Chosen collisions cost time only, and RECORDS_MAX bounds them. */
static uint64_t hash_string(uint64_t hash, const char *string)
{
    return fnv_mix(hash, string, strlen(string) + 1);
}

static uint64_t hash_record(const struct range_record *record)
{
    char point[64];
    uint64_t hash = FNV_START;
    snprintf(point, sizeof point, "%.6f %.6f", record->latitude, record->longitude);
    hash = hash_string(hash, record->provider);
    hash = hash_string(hash, record->region);
    hash = hash_string(hash, record->border_group);
    hash = hash_string(hash, record->city);
    hash = hash_string(hash, record->country);
    return hash_string(hash, point);
}

static bool same_point(const struct range_record *a, const struct range_record *b)
{
    return a->has_point == b->has_point &&
           (!a->has_point || memcmp(&a->latitude, &b->latitude, 2 * sizeof(double)) == 0);
}

static bool same_record(const struct range_record *a, const struct range_record *b)
{
    return strcmp(a->provider, b->provider) == 0 && strcmp(a->region, b->region) == 0 &&
           strcmp(a->border_group, b->border_group) == 0 && strcmp(a->city, b->city) == 0 &&
           strcmp(a->country, b->country) == 0 && strcmp(a->continent, b->continent) == 0 &&
           same_point(a, b);
}

/* The slot where the record is, or the free one where it belongs. */
static uint32_t *find_slot(const struct record_table *table, const struct range_record *record)
{
    size_t at = hash_record(record) & (table->slot_count - 1);
    while (table->slots[at] && !same_record(&table->records[table->slots[at] - 1], record))
        at = (at + 1) & (table->slot_count - 1);
    return &table->slots[at];
}

static bool grow(struct record_table *table)
{
    size_t room = 2 * table->room;
    void *records = realloc(table->records, room * sizeof *table->records);
    if (!records)
        return false;
    table->records = records;
    uint32_t *slots = calloc(2 * room, sizeof *slots);
    if (!slots)
        return false;
    free(table->slots);
    table->slots = slots;
    table->slot_count = 2 * room;
    table->room = room;
    for (size_t i = 0; i < table->count; i++)
        *find_slot(table, &table->records[i]) = (uint32_t)(i + 1);
    return true;
}

int32_t record_intern(struct record_table *table, const struct range_record *record)
{
    uint32_t *slot = find_slot(table, record);
    if (*slot)
        return (int32_t)(*slot - 1);
    if (table->count >= RECORDS_MAX || (table->count == table->room && !grow(table)))
        return -1;
    table->records[table->count++] = *record;
    *find_slot(table, record) = (uint32_t)table->count;
    return (int32_t)(table->count - 1);
}

const struct range_record *record_at(const struct record_table *table, uint32_t number)
{
    return &table->records[number];
}

size_t record_count(const struct record_table *table)
{
    return table->count;
}

bool record_set(char *field, size_t size, struct slice value)
{
    if (value.len >= size || (value.len && memchr(value.at, 0, value.len)))
        return false;
    memset(field, 0, size);
    if (value.len)
        memcpy(field, value.at, value.len);
    return true;
}

const char *record_describe(const struct range_record *record, char *text, size_t size)
{
    const struct range_record *r = record;
    const char *country = r->country[0] ? r->country : r->continent;
    snprintf(text, size, "%s%s%s%s%s%s%s%s%s%s", r->provider, r->region[0] ? ":" : "", r->region,
             r->border_group[0] ? " (" : "", r->border_group, r->border_group[0] ? ")" : "",
             r->city[0] && r->provider[0] ? ", " : "", r->city,
             country[0] && (r->provider[0] || r->city[0]) ? ", " : "", country);
    return text;
}
