/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache's table: a header, then buckets of eight slots. It is a mapped file that the
 * prober writes and all processes read, at the same time and without a lock.
 *
 * A slot is one number that says all of itself, written by one atomic store, so there is
 * nothing to commit and nothing to recover: whoever is killed leaves old slots and new ones.
 *
 *     bits 63 … 22   a tag: the first 42 bits of the entry's key
 *     bits 21 … 19   the verdict (enum holding); 0: the slot is empty
 *     bits 18 …  0   the minute in which it was found, of a cycle of 364 days
 *
 * An entry lies in either of two buckets, which follow from all bits of its key: two choices
 * lose far fewer entries of a nearly full table than one does, and an entry of another key
 * is taken for this one with a chance of 16 in 2^42.
 */
#ifndef STATE_CACHE_TABLE_H
#define STATE_CACHE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/holding.h"
#include "core/siphash.h"

#define CACHE_FILE "cache.table"

enum {
    CACHE_VERSION = 1,
    CACHE_SLOTS = 8, /* of a bucket, which is a line of the processor's cache */
    CACHE_HEADER_SIZE = 4096,
    CACHE_GENERATIONS = 512,
    CACHE_LIFETIME_MAX_S = 180 * 86400, /* half a cycle tells past from future */
    CACHE_UNSWEPT_MIN = 7 * 24 * 60     /* a table not swept for so long is not believed */
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a slot is written by one store");

/* In this machine's byte order; nothing but the last two changes while the file is there. */
struct cache_header {
    uint64_t magic;
    uint32_t version, bucket_count;
    uint8_t secret[SIPHASH_KEY_SIZE];
    _Atomic uint32_t swept_min; /* when the last sweep began, minutes since 1970 */
    _Atomic uint32_t generation[CACHE_GENERATIONS]; /* of targets, by their id; see cache_key */
};

struct cache_bucket {
    _Atomic uint64_t slot[CACHE_SLOTS];
};

/* A map of it, and what was in its header when it was mapped. */
struct cache_table {
    struct cache_header *header;
    struct cache_bucket *buckets;
    uint32_t bucket_count;
    uint8_t secret[SIPHASH_KEY_SIZE];
};

/* How long entries are believed, in minutes. */
struct cache_lifetimes {
    uint32_t present_min, absent_min;
};

/* The same in seconds, rounded up to minutes; at most CACHE_LIFETIME_MAX_S. */
struct cache_lifetimes cache_lifetimes_of(uint32_t present_s, uint32_t absent_s);

/* How many buckets a file of this size has; 0: it is too small for any, or too large. */
uint32_t cache_bucket_count(uint64_t file_size);

/* The size of a file with so many buckets. */
size_t cache_file_size(uint32_t bucket_count);

/* Makes zeroed memory of cache_file_size an empty table. */
void cache_table_make(struct cache_table *table, void *at, uint32_t bucket_count,
                      const uint8_t secret[SIPHASH_KEY_SIZE], int64_t now_s);

/* Copies what is known, and what is forgotten, to an empty table of the same size and secret. */
void cache_table_copy(struct cache_table *to, const struct cache_table *from);

/* Empties it. */
void cache_table_clear(struct cache_table *table);

/* Takes a map of so many bytes for a table. False if it is none, or of another version. */
bool cache_table_take(struct cache_table *table, void *at, size_t size);

/* Whether the header is as it was when the map was taken. */
bool cache_table_is_whole(const struct cache_table *table);

/* Whether the table is swept, as the prober does, so that no old entry looks like a new one. */
bool cache_table_is_swept(const struct cache_table *table, int64_t now_s);

/* Of an object, for all targets that are looked at: name and digest are hashed once. */
struct cache_hash {
    bool is_set; /* all zero at first */
    uint64_t name, digest;
};

/*
 * The key of an object at a target: a keyed hash of the target's id and generation, and of
 * endpoint, name and digest; of a bucket's object, of the digest alone.
 */
uint64_t cache_key(const struct cache_table *table, const struct target *target,
                   const struct object *object, struct cache_hash *hash);

/* What is known under a key; HOLDING_UNKNOWN also if that is too old or from the future. */
enum holding cache_table_look(const struct cache_table *table, uint64_t key,
                              const struct cache_lifetimes *lifetimes, int64_t now_s);

/* ---- for the one writer ---- */

enum cache_stored {
    CACHE_STORED, /* in an empty slot, or one that had expired or was of this key */
    CACHE_STORED_INSTEAD /* of a valid entry */,
    CACHE_NOT_STORED /* an absent one never takes the place of a present one */
};

/* How many slots are in use, expired ones included. */
struct cache_use {
    uint64_t present, absent;
};

/* Puts in what was found, HOLDING_PRESENT or HOLDING_ABSENT; keeps count. */
enum cache_stored cache_table_store(struct cache_table *table, uint64_t key, enum holding kind,
                                    const struct cache_lifetimes *lifetimes, int64_t now_s,
                                    struct cache_use *use);

/* Nothing that is known of a target, or of one with the same generation, is found any more. */
void cache_table_forget(struct cache_table *table, const struct target *target);

/* Nothing is known under a key any more; keeps count. */
void cache_table_clear_entry(struct cache_table *table, uint64_t key, struct cache_use *use);

/*
 * Empties the slots of so many buckets, from one on, that have expired, or are from more than
 * a day ahead; keeps count.
 */
void cache_table_sweep(struct cache_table *table, uint32_t from, uint32_t count,
                       const struct cache_lifetimes *lifetimes, int64_t now_s,
                       struct cache_use *use);

/* Notes that a sweep of all buckets has ended that began then. */
void cache_table_stamp(struct cache_table *table, int64_t began_s);

/* Counts the slots in use, expired ones included. */
struct cache_use cache_table_count(const struct cache_table *table);

#endif
