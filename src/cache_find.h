/* SPDX-License-Identifier: Apache-2.0 */
/* A look into the cache's file, with LMDB at hand; for its readers and its writer. */
#ifndef CACHE_FIND_H
#define CACHE_FIND_H

#include <lmdb.h>
#include "cache_format.h"

/*
 * Sets what is known under a key of things present. The cursor belongs to the
 * transaction; it is moved. Returns 0, also when nothing is known, or LMDB's error.
 */
int cache_find(MDB_cursor *cursor, const struct cache_key *key, int64_t now_s,
               enum holding *holding);

/* The number of the last commit: a transaction of another one may have read what is new. */
size_t cache_last_commit(MDB_env *env);

/* A value of LMDB's for bytes that it only reads. */
static inline MDB_val cache_bytes(const void *at, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)at};
}

#endif
