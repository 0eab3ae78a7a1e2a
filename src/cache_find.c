/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#ifdef HAVE_LMDB
#include "cache_find.h"

#include <stdatomic.h>

/* The two kinds of a key are neighbours, and only one of them is there: one search finds it. */
int cache_find(MDB_cursor *cursor, const struct cache_key *key, int64_t now_s,
               enum holding *holding)
{
    MDB_val at = cache_bytes(key, sizeof *key), found;
    struct cache_value value;
    struct cache_key there;
    int error = mdb_cursor_get(cursor, &at, &found, MDB_SET_RANGE);

    *holding = HOLDING_UNKNOWN;
    if (error == MDB_NOTFOUND)
        return 0;
    if (error || at.mv_size != sizeof there)
        return error;
    memcpy(&there, at.mv_data, sizeof there);
    enum holding kind = cache_kind(&there);
    there = cache_key_of_kind(there, HOLDING_PRESENT);
    if (memcmp(&there, key, sizeof there) != 0)
        return 0;
    if (found.mv_size != sizeof value)
        return MDB_CORRUPTED;
    memcpy(&value, found.mv_data, sizeof value);
    if (cache_is_fresh(&value, now_s))
        *holding = kind;
    return 0;
}

size_t cache_last_commit(MDB_env *env)
{
    MDB_envinfo info;

    atomic_thread_fence(memory_order_acquire);
    mdb_env_info(env, &info);
    return info.me_last_txnid;
}
#else
/* ISO C wants something in a file. */
extern const char cache_find_is_not_built;
#endif
