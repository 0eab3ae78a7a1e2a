/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/replay/tally.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 1024, EXAMPLE_MAX = 400 };

/* Open addressing, at most half full; the size is a power of two. */
struct tally {
    struct tally_row *row;
    size_t size, used;
};

/* From the low bits: before, after, place, class, flags; the top bit says that it is one. */
static uint64_t pack(const struct tally_key *key)
{
    return UINT64_C(1) << 63 | (uint64_t)key->changed << 57 | (uint64_t)key->place_is_new << 56 |
           (uint64_t)(key->class & 0xff) << 48 | (uint64_t)(uint16_t)key->place << 32 |
           (uint64_t)key->after << 16 | key->before;
}

struct tally_key tally_key_of(const struct tally_row *row)
{
    uint64_t p = row->packed;

    return (struct tally_key){.class = (enum request_class)(p >> 48 & 0xff),
                              .place = (place_index)(p >> 32 & 0xffff),
                              .place_is_new = p >> 56 & 1,
                              .changed = p >> 57 & 1,
                              .before = (tally_outcome)(p & 0xffff),
                              .after = (tally_outcome)(p >> 16 & 0xffff)};
}

struct tally *tally_new(void)
{
    struct tally *tally = malloc(sizeof *tally);

    if (!tally)
        return NULL;
    *tally = (struct tally){calloc(FIRST_SIZE, sizeof *tally->row), FIRST_SIZE, 0};
    if (!tally->row) {
        free(tally);
        return NULL;
    }
    return tally;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    for (size_t i = 0; i < tally->size; i++)
        free(tally->row[i].example);
    free(tally->row);
    free(tally);
}

static struct tally_row *find(struct tally_row *row, size_t size, uint64_t packed)
{
    size_t at = (size_t)(packed * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);

    while (row[at].packed && row[at].packed != packed)
        at = (at + 1) & (size - 1);
    return &row[at];
}

static bool grow(struct tally *tally)
{
    size_t size = tally->size * 2;
    struct tally_row *row = calloc(size, sizeof *row);

    if (!row)
        return false;
    for (size_t i = 0; i < tally->size; i++)
        if (tally->row[i].packed)
            *find(row, size, tally->row[i].packed) = tally->row[i];
    free(tally->row);
    tally->row = row;
    tally->size = size;
    return true;
}

bool tally_add(struct tally *tally, const struct tally_key *key, uint64_t bytes,
               struct slice example)
{
    uint64_t packed = pack(key);
    struct tally_row *row = find(tally->row, tally->size, packed);

    if (!row->packed) {
        if (tally->used * 2 >= tally->size) {
            if (!grow(tally))
                return false;
            row = find(tally->row, tally->size, packed);
        }
        tally->used++;
        row->packed = packed;
        if (key->changed)
            row->example =
                strndup(example.at, example.len < EXAMPLE_MAX ? example.len : EXAMPLE_MAX);
    }
    row->requests++;
    row->bytes += bytes;
    return true;
}

static int by_requests(const void *left, const void *right)
{
    const struct tally_row *a = left, *b = right;

    if (a->requests != b->requests)
        return a->requests > b->requests ? -1 : 1;
    return (a->packed > b->packed) - (a->packed < b->packed);
}

const struct tally_row *tally_sort(struct tally *tally, size_t *count)
{
    /* Free rows have no requests and end up behind all others. */
    qsort(tally->row, tally->size, sizeof *tally->row, by_requests);
    *count = tally->used;
    return tally->row;
}
