/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's file, as its only writer handles it by LMDB. Errors are LMDB's or errno's. */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "cache_format.h"
#include "cache_write.h"

struct cache_store;

struct cache_store_options {
    int fd;           /* of the file, which is open; need not stay open */
    const char *path; /* its name, for where there is no /proc */
    size_t map_size;
    mode_t mode;
    bool unsynced;
};

struct cache_finding {
    struct cache_key key; /* of its kind */
    struct cache_value value;
};

/* Makes an empty file one with the secret. NULL with the error. */
struct cache_store *cache_store_make(const struct cache_store_options *options,
                                     const uint8_t secret[SIPHASH_KEY_SIZE], int *error);

/* Opens a file that is there, and reads its secret. NULL with the error. */
struct cache_store *cache_store_open(const struct cache_store_options *options,
                                     uint8_t secret[SIPHASH_KEY_SIZE], int *error);

/* NULL is fine. */
void cache_store_close(struct cache_store *store);

/* The descriptor of the file. */
int cache_store_fd(const struct cache_store *store);

/*
 * Sets what is known under a key of things present. Returns 0 or an error. May be called while
 * another thread commits: then EAGAIN, or another error, says that it came in between.
 */
int cache_store_look(struct cache_store *store, const struct cache_key *key, int64_t now_s,
                     enum holding *holding);

/*
 * Writes findings in one commit, and makes room: from 80 % of the map on, a kind
 * that is over its share (three quarters for what is present, one for what is
 * absent) loses an entry or two for each new one: what has expired, or the oldest of a
 * few. Returns 0 or an error.
 */
int cache_store_commit(struct cache_store *store, const struct cache_finding *findings,
                       size_t count, int64_t now_s, uint64_t *evicted);

/* Fills in what the store knows of them. */
void cache_store_counts(const struct cache_store *store, struct cache_counts *counts);

/* Whether an error means that the file is not to be used any longer. */
bool cache_store_is_damage(int error);

/* An error in words. */
const char *cache_store_error(int error);

#endif
