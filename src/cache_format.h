/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the cache's file: keys, values, and the record that describes the rest. */
#ifndef CACHE_FORMAT_H
#define CACHE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include "holding.h"
#include "oci.h"
#include "siphash.h"

#define CACHE_FILE "cache.mdb"

enum { CACHE_VERSION = 1, CACHE_KEY_SIZE = 24 };

/*
 * A keyed hash of target, endpoint, name and digest (of a bucket's object: of
 * target and digest), big-endian, then the first 16 bytes of the digest. The hash is of
 * all of the digest, too: else an invented one that starts like a real one would
 * be taken for it. The last bit tells entries of things present (0) from those of
 * things absent (1); there is never one of each.
 */
struct cache_key {
    uint8_t bytes[CACHE_KEY_SIZE];
};

/* When it was found out, in seconds since 1970, and how long it is believed. */
struct cache_value {
    uint32_t found_s, lifetime_s;
};

/* The record under cache_about_key; it is of this machine's byte order. */
struct cache_about {
    uint32_t version, key_size;
    uint8_t secret[SIPHASH_KEY_SIZE]; /* of the hash, made once by random */
    uint64_t present, absent;         /* how many entries there are of each kind */
};

/* Shorter than all other keys. */
#define CACHE_ABOUT_KEY "about"

/*
 * The key for an entry of things present; see cache_key_of_kind. generation: of the target, 0 at
 * first; with another one, what was known of the target before is not found.
 */
struct cache_key cache_key(const uint8_t secret[SIPHASH_KEY_SIZE], const struct target *target,
                           int64_t generation, const struct object *object);

/* The same key among the entries of things present, or among those absent. */
static inline struct cache_key cache_key_of_kind(struct cache_key key, enum holding kind)
{
    uint8_t *last = &key.bytes[CACHE_KEY_SIZE - 1];

    *last = (uint8_t)((*last & 0xfe) | (kind == HOLDING_ABSENT));
    return key;
}

static inline enum holding cache_kind(const struct cache_key *key)
{
    return key->bytes[CACHE_KEY_SIZE - 1] & 1 ? HOLDING_ABSENT : HOLDING_PRESENT;
}

enum { CACHE_CLOCK_SLACK_S = 2 /* a responder looks at the clock once a second */ };

/* Whether an entry is to be believed at the time now_s; not if it is from the future. */
static inline bool cache_is_fresh(const struct cache_value *value, int64_t now_s)
{
    return value->found_s <= now_s + CACHE_CLOCK_SLACK_S &&
           now_s - value->found_s < value->lifetime_s;
}

#endif
