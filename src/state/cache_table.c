/* SPDX-License-Identifier: Apache-2.0 */
#include "state/cache_table.h"

#include <string.h>

enum {
    MINUTE_BITS = 19,
    VERDICT_BITS = 3,
    TAG_SHIFT = MINUTE_BITS + VERDICT_BITS,
    CYCLE_MIN = 1 << MINUTE_BITS,
    DAY_MIN = 24 * 60,
    SLACK_MIN = 1 /* a responder looks at the clock once a second */
};

#define MAGIC UINT64_C(0x7369676e706f7374) /* "signpost" */

_Static_assert(sizeof(struct cache_header) <= CACHE_HEADER_SIZE, "the header has its room");

/* ---- a slot ---- */

static enum holding verdict_of(uint64_t slot)
{
    uint64_t verdict = slot >> MINUTE_BITS & ((1 << VERDICT_BITS) - 1);

    return verdict <= HOLDING_ABSENT ? (enum holding)verdict : HOLDING_UNKNOWN;
}

static uint64_t slot_of(uint64_t key, enum holding kind, int64_t now_s)
{
    uint64_t minute = (uint64_t)(now_s / 60) % CYCLE_MIN;

    return key >> TAG_SHIFT << TAG_SHIFT | (uint64_t)kind << MINUTE_BITS | minute;
}

/* Minutes since it was found; below 0 if that is ahead. */
static int64_t age_of(uint64_t slot, int64_t now_s)
{
    int64_t age = (now_s / 60 - (int64_t)(slot % CYCLE_MIN)) % CYCLE_MIN;

    if (age < 0)
        age += CYCLE_MIN;
    return age < CYCLE_MIN / 2 ? age : age - CYCLE_MIN;
}

static int64_t lifetime_of(enum holding kind, const struct cache_lifetimes *lifetimes)
{
    if (kind == HOLDING_PRESENT)
        return lifetimes->present_min;
    return kind == HOLDING_ABSENT ? lifetimes->absent_min : 0;
}

static bool is_fresh(uint64_t slot, const struct cache_lifetimes *lifetimes, int64_t now_s)
{
    int64_t age = age_of(slot, now_s);

    return age >= -SLACK_MIN && age < lifetime_of(verdict_of(slot), lifetimes);
}

static uint64_t load(const _Atomic uint64_t *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

static void store(_Atomic uint64_t *slot, uint64_t value)
{
    atomic_store_explicit(slot, value, memory_order_relaxed);
}

struct cache_lifetimes cache_lifetimes_of(uint32_t present_s, uint32_t absent_s)
{
    uint32_t present = present_s < CACHE_LIFETIME_MAX_S ? present_s : CACHE_LIFETIME_MAX_S;
    uint32_t absent = absent_s < CACHE_LIFETIME_MAX_S ? absent_s : CACHE_LIFETIME_MAX_S;

    return (struct cache_lifetimes){(present + 59) / 60, (absent + 59) / 60};
}

/* ---- the table ---- */

uint32_t cache_bucket_count(uint64_t file_size)
{
    uint64_t count = file_size < CACHE_HEADER_SIZE
                         ? 0
                         : (file_size - CACHE_HEADER_SIZE) / sizeof(struct cache_bucket);

    return count <= UINT32_MAX ? (uint32_t)count : 0;
}

size_t cache_file_size(uint32_t bucket_count)
{
    return CACHE_HEADER_SIZE + (size_t)bucket_count * sizeof(struct cache_bucket);
}

static void take(struct cache_table *table, void *at)
{
    table->header = at;
    table->buckets = (struct cache_bucket *)((char *)at + CACHE_HEADER_SIZE);
    table->bucket_count = table->header->bucket_count;
    memcpy(table->secret, table->header->secret, sizeof table->secret);
}

void cache_table_make(struct cache_table *table, void *at, uint32_t bucket_count,
                      const uint8_t secret[SIPHASH_KEY_SIZE], int64_t now_s)
{
    struct cache_header *header = at;

    header->magic = MAGIC;
    header->version = CACHE_VERSION;
    header->bucket_count = bucket_count;
    memcpy(header->secret, secret, SIPHASH_KEY_SIZE);
    header->swept_min = (uint32_t)(now_s / 60);
    take(table, at);
}

void cache_table_copy(struct cache_table *to, const struct cache_table *from)
{
    memcpy(to->header->generation, from->header->generation, sizeof to->header->generation);
    memcpy(to->buckets, from->buckets, from->bucket_count * sizeof *from->buckets);
}

void cache_table_clear(struct cache_table *table)
{
    memset(table->buckets, 0, table->bucket_count * sizeof *table->buckets);
}

bool cache_table_take(struct cache_table *table, void *at, size_t size)
{
    const struct cache_header *header = at;

    if (size < CACHE_HEADER_SIZE || header->magic != MAGIC || header->version != CACHE_VERSION)
        return false;
    take(table, at);
    return table->bucket_count > 0 && cache_file_size(table->bucket_count) == size;
}

bool cache_table_is_whole(const struct cache_table *table)
{
    const struct cache_header *header = table->header;

    return header->magic == MAGIC && header->version == CACHE_VERSION &&
           header->bucket_count == table->bucket_count &&
           memcmp(header->secret, table->secret, sizeof table->secret) == 0;
}

bool cache_table_is_swept(const struct cache_table *table, int64_t now_s)
{
    int64_t swept = atomic_load_explicit(&table->header->swept_min, memory_order_relaxed);
    int64_t age = now_s / 60 - swept;

    return age < CACHE_UNSWEPT_MIN && age > -CACHE_UNSWEPT_MIN;
}

/* ---- keys ---- */

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static _Atomic uint32_t *generation_of(const struct cache_table *table, const struct target *target)
{
    return &table->header->generation[target->id % CACHE_GENERATIONS];
}

static uint64_t hash_target(const struct cache_table *table, const struct target *target)
{
    uint64_t words[2] = {target->id,
                         atomic_load_explicit(generation_of(table, target), memory_order_relaxed)};

    return siphash(table->secret, (struct slice){(const char *)words, sizeof words});
}

/*
 * Each part is hashed with the secret, so their sums collide by chance alone: nobody who does
 * not know it can choose two objects or targets that do. A name's hash is turned, by
 * another number of bits for each endpoint.
 */
uint64_t cache_key(const struct cache_table *table, const struct target *target,
                   const struct object *object, struct cache_hash *hash)
{
    if (!hash->is_set) {
        hash->digest = siphash(table->secret, object->digest);
        hash->name = rotate(siphash(table->secret, object->name),
                            object->endpoint == ENDPOINT_MANIFESTS ? 1 : 2);
        hash->is_set = true;
    }
    uint64_t key = hash_target(table, target) ^ hash->digest;
    return target->kind == TARGET_UPSTREAM ? key ^ hash->name : key;
}

/* The buckets that an entry may be in. They may be the same. */
static void find_buckets(const struct cache_table *table, uint64_t key,
                         struct cache_bucket *bucket[2])
{
    uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);

    mixed ^= mixed >> 29;
    mixed *= UINT64_C(0xbf58476d1ce4e5b9);
    bucket[0] = &table->buckets[(mixed >> 32) * table->bucket_count >> 32];
    mixed ^= mixed >> 32;
    bucket[1] = &table->buckets[(mixed & UINT32_MAX) * table->bucket_count >> 32];
}

static bool has_tag(uint64_t slot, uint64_t key)
{
    return slot >> TAG_SHIFT == key >> TAG_SHIFT && verdict_of(slot) != HOLDING_UNKNOWN;
}

enum holding cache_table_look(const struct cache_table *table, uint64_t key,
                              const struct cache_lifetimes *lifetimes, int64_t now_s)
{
    struct cache_bucket *bucket[2];

    find_buckets(table, key, bucket);
    __builtin_prefetch(bucket[1]);
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < CACHE_SLOTS; i++) {
            uint64_t slot = load(&bucket[b]->slot[i]);
            if (has_tag(slot, key))
                return is_fresh(slot, lifetimes, now_s) ? verdict_of(slot) : HOLDING_UNKNOWN;
        }
    return HOLDING_UNKNOWN;
}

/* ---- writing ---- */

static uint64_t *count_of(struct cache_use *use, enum holding kind)
{
    return kind == HOLDING_PRESENT ? &use->present : &use->absent;
}

static void put(_Atomic uint64_t *slot, uint64_t value, struct cache_use *use)
{
    enum holding before = verdict_of(load(slot)), after = verdict_of(value);

    if (before != HOLDING_UNKNOWN)
        --*count_of(use, before);
    if (after != HOLDING_UNKNOWN)
        ++*count_of(use, after);
    store(slot, value);
}

static _Atomic uint64_t *find_own(struct cache_bucket *const bucket[2], uint64_t key)
{
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < CACHE_SLOTS; i++)
            if (has_tag(load(&bucket[b]->slot[i]), key))
                return &bucket[b]->slot[i];
    return NULL;
}

/* The first slot of a bucket without a valid entry, and how many there are. */
static _Atomic uint64_t *find_free(struct cache_bucket *bucket,
                                   const struct cache_lifetimes *lifetimes, int64_t now_s,
                                   int *count)
{
    _Atomic uint64_t *first = NULL;

    *count = 0;
    for (int i = 0; i < CACHE_SLOTS; i++) {
        if (is_fresh(load(&bucket->slot[i]), lifetimes, now_s))
            continue;
        if (!first)
            first = &bucket->slot[i];
        ++*count;
    }
    return first;
}

/* In the emptier bucket, so that both stay alike. */
static _Atomic uint64_t *find_room(struct cache_bucket *const bucket[2],
                                   const struct cache_lifetimes *lifetimes, int64_t now_s)
{
    int count[2];
    _Atomic uint64_t *room[2];

    for (int b = 0; b < 2; b++)
        room[b] = find_free(bucket[b], lifetimes, now_s, &count[b]);
    return count[1] > count[0] ? room[1] : room[0];
}

/* The oldest absent entry; if there is none, and one may be taken, the oldest present one. */
static _Atomic uint64_t *find_oldest(struct cache_bucket *const bucket[2], enum holding kind,
                                     int64_t now_s)
{
    _Atomic uint64_t *oldest = NULL;
    int64_t most = -1;

    for (int b = 0; b < 2; b++)
        for (int i = 0; i < CACHE_SLOTS; i++) {
            uint64_t slot = load(&bucket[b]->slot[i]);
            int64_t age = age_of(slot, now_s) + SLACK_MIN;
            if (verdict_of(slot) == HOLDING_ABSENT)
                age += CYCLE_MIN;
            else if (kind == HOLDING_ABSENT)
                continue;
            if (age > most) {
                most = age;
                oldest = &bucket[b]->slot[i];
            }
        }
    return oldest;
}

enum cache_stored cache_table_store(struct cache_table *table, uint64_t key, enum holding kind,
                                    const struct cache_lifetimes *lifetimes, int64_t now_s,
                                    struct cache_use *use)
{
    struct cache_bucket *bucket[2];
    enum cache_stored stored = CACHE_STORED;

    find_buckets(table, key, bucket);
    _Atomic uint64_t *slot = find_own(bucket, key);
    if (!slot)
        slot = find_room(bucket, lifetimes, now_s);
    if (!slot) {
        stored = CACHE_STORED_INSTEAD;
        slot = find_oldest(bucket, kind, now_s);
    }
    if (!slot)
        return CACHE_NOT_STORED;
    put(slot, slot_of(key, kind, now_s), use);
    return stored;
}

/* There may be another of it in its other bucket, older than the one that is found. */
void cache_table_clear_entry(struct cache_table *table, uint64_t key, struct cache_use *use)
{
    struct cache_bucket *bucket[2];
    _Atomic uint64_t *slot;

    find_buckets(table, key, bucket);
    while ((slot = find_own(bucket, key)))
        put(slot, 0, use);
}

void cache_table_forget(struct cache_table *table, const struct target *target)
{
    atomic_fetch_add_explicit(generation_of(table, target), 1, memory_order_relaxed);
}

void cache_table_sweep(struct cache_table *table, uint32_t from, uint32_t count,
                       const struct cache_lifetimes *lifetimes, int64_t now_s,
                       struct cache_use *use)
{
    for (uint32_t b = from; b < table->bucket_count && b - from < count; b++)
        for (int i = 0; i < CACHE_SLOTS; i++) {
            _Atomic uint64_t *at = &table->buckets[b].slot[i];
            uint64_t slot = load(at);
            int64_t age = age_of(slot, now_s);
            if (slot && (age < -DAY_MIN || age >= lifetime_of(verdict_of(slot), lifetimes)))
                put(at, 0, use);
        }
}

void cache_table_stamp(struct cache_table *table, int64_t began_s)
{
    atomic_store_explicit(&table->header->swept_min, (uint32_t)(began_s / 60),
                          memory_order_relaxed);
}

struct cache_use cache_table_count(const struct cache_table *table)
{
    struct cache_use use = {0, 0};

    for (uint32_t b = 0; b < table->bucket_count; b++)
        for (int i = 0; i < CACHE_SLOTS; i++) {
            enum holding kind = verdict_of(load(&table->buckets[b].slot[i]));
            if (kind != HOLDING_UNKNOWN)
                ++*count_of(&use, kind);
        }
    return use;
}
