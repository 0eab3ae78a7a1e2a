/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's file of a signpost without LMDB: there is none. */
#include "cache_store.h"

#include <errno.h>
#include <string.h>

struct cache_store *cache_store_make(const struct cache_store_options *options,
                                     const uint8_t secret[SIPHASH_KEY_SIZE], int *error)
{
    (void)options, (void)secret;
    *error = ENOSYS;
    return NULL;
}

struct cache_store *cache_store_open(const struct cache_store_options *options,
                                     uint8_t secret[SIPHASH_KEY_SIZE], int *error)
{
    return cache_store_make(options, secret, error);
}

void cache_store_close(struct cache_store *store)
{
    (void)store;
}

int cache_store_fd(const struct cache_store *store)
{
    (void)store;
    return -1;
}

int cache_store_look(struct cache_store *store, const struct cache_key *key, int64_t now_s,
                     enum holding *holding)
{
    (void)store, (void)key, (void)now_s, (void)holding;
    return ENOSYS;
}

int cache_store_commit(struct cache_store *store, const struct cache_finding *findings,
                       size_t count, int64_t now_s, uint64_t *evicted)
{
    (void)store, (void)findings, (void)count, (void)now_s, (void)evicted;
    return ENOSYS;
}

void cache_store_counts(const struct cache_store *store, struct cache_counts *counts)
{
    (void)store, (void)counts;
}

bool cache_store_is_damage(int error)
{
    (void)error;
    return false;
}

const char *cache_store_error(int error)
{
    return error == ENOSYS ? "signpost was built without LMDB" : strerror(error);
}
