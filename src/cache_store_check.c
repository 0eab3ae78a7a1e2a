/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a cache's file can be believed: LMDB believes its pages, and writing with
 * damaged ones could end the prober, and the next one, too.
 */
#include "cache_store_lmdb.h"

#include <string.h>

/* Whether a record of LMDB's list of free pages holds together: a count, and so many numbers. */
static bool is_free_list(const MDB_val *key, const MDB_val *value, size_t last_page)
{
    size_t count, number, before = SIZE_MAX;

    if (key->mv_size != sizeof count || value->mv_size < sizeof count)
        return false;
    memcpy(&count, value->mv_data, sizeof count);
    if (count >= value->mv_size / sizeof count)
        return false;
    for (size_t i = 1; i <= count; i++, before = number) {
        memcpy(&number, (const char *)value->mv_data + i * sizeof number, sizeof number);
        if (number >= before || number < 2 || number > last_page)
            return false;
    }
    return true;
}

/* The list of free pages, which is believed, too. */
static int check_free_pages(struct cache_store *store)
{
    enum { FREE_PAGES = 0 }; /* LMDB's own database; its tools read it this way */
    MDB_envinfo info;
    MDB_val key, value;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(store->reading, FREE_PAGES, &cursor);

    if (error)
        return error;
    mdb_env_info(store->env, &info);
    error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (!error && is_free_list(&key, &value, info.me_last_pgno))
        error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : MDB_CORRUPTED;
}

/* Goes through all entries. A million take some 50 ms. */
static int check_entries(struct cache_store *store)
{
    struct cache_key before = {{0}};
    uint64_t count[2] = {0, 0};
    MDB_val key, value;
    int error = mdb_cursor_get(store->cursor, &key, &value, MDB_FIRST);

    for (; !error; error = mdb_cursor_get(store->cursor, &key, &value, MDB_NEXT)) {
        struct cache_key here;
        if (key.mv_size != sizeof here)
            continue; /* the record about the file, which is known to be right */
        memcpy(&here, key.mv_data, sizeof here);
        if (value.mv_size != sizeof(struct cache_value) || memcmp(&before, &here, sizeof here) > 0)
            return MDB_CORRUPTED;
        count[cache_kind(&here) == HOLDING_ABSENT]++;
        before = here;
    }
    if (error != MDB_NOTFOUND)
        return error;
    return count[0] == store->about.present && count[1] == store->about.absent ? 0 : MDB_CORRUPTED;
}

/* A file that was made with a larger map has no place in a smaller one. */
static int check_size(struct cache_store *store, size_t map_size)
{
    MDB_envinfo info;
    MDB_stat stat;

    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    return info.me_last_pgno + 1 > map_size / stat.ms_psize ? MDB_MAP_FULL : 0;
}

int cache_store_check(struct cache_store *store, size_t map_size)
{
    int error = check_size(store, map_size);

    if (!error)
        error = check_entries(store);
    return error ? error : check_free_pages(store);
}
