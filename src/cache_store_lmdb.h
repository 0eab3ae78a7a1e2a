/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the cache's store share: the file at LMDB. Their functions work under the
 * guard of mapped_try, and return 0 or an error.
 */
#ifndef CACHE_STORE_LMDB_H
#define CACHE_STORE_LMDB_H

#include <lmdb.h>
#include "cache_store.h"

struct cache_store {
    MDB_env *env;
    MDB_txn *reading; /* reset between look-ups */
    MDB_cursor *cursor;
    MDB_dbi dbi;
    MDB_txn *writing; /* while there is one */
    struct cache_about about;
    uint64_t pages, page_limit;
    struct cache_key hand[2]; /* where to look for what can be evicted, of each kind */
};

/* Does some work under the guard; what it returns is in *error then. */
int cache_store_guarded(void (*work)(void *), void *context, const int *error);

/* Writes the record about the file. */
int cache_store_write_about(struct cache_store *store, MDB_txn *txn);

/* Notes how many pages are taken, and how many may be. */
int cache_store_note_pages(struct cache_store *store, MDB_txn *txn);

/* Commits what is being written, or after an error aborts; a commit that fails has ended it, too.
 */
int cache_store_end(struct cache_store *store, int error);

/*
 * Whether a file that was found can be written to, for a map of this size; there is
 * a transaction for reading. It looks at all of it.
 */
int cache_store_check(struct cache_store *store, size_t map_size);

#endif
