/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_store_lmdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cache_find.h"
#include "mapped.h"
#include "plain_file.h"

enum { FULL_PERCENT = 80 /* of the map */ };

static void on_assert(MDB_env *env, const char *message)
{
    (void)env, (void)message;
    mapped_give_up();
}

static MDB_val about_key(void)
{
    return cache_bytes(CACHE_ABOUT_KEY, sizeof CACHE_ABOUT_KEY - 1);
}

int cache_store_guarded(void (*work)(void *), void *context, const int *error)
{
    return mapped_try(work, context) ? *error : MDB_CORRUPTED;
}

/* ---- opening ---- */

struct opening {
    const struct cache_store_options *options;
    const uint8_t *secret; /* of a new file */
    struct cache_store *store;
    int error;
};

static int open_env(const struct opening *o)
{
    struct cache_store *store = o->store;
    unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS;
    char name[PLAIN_FILE_NAME_SIZE];
    int error = mdb_env_create(&store->env);

    if (o->options->unsynced)
        flags |= MDB_NOSYNC;
    if (!error)
        error = mdb_env_set_assert(store->env, on_assert);
    if (!error)
        error = mdb_env_set_mapsize(store->env, o->options->map_size);
    if (!error)
        error = mdb_env_open(store->env, plain_file_name(o->options->fd, name, o->options->path),
                             flags, o->options->mode);
    return error;
}

int cache_store_write_about(struct cache_store *store, MDB_txn *txn)
{
    MDB_val key = about_key(), value = cache_bytes(&store->about, sizeof store->about);

    return mdb_put(txn, store->dbi, &key, &value, 0);
}

static int read_about(struct cache_store *store, MDB_txn *txn)
{
    MDB_val key = about_key(), value;
    int error = mdb_get(txn, store->dbi, &key, &value);

    if (error)
        return error;
    if (value.mv_size != sizeof store->about)
        return MDB_VERSION_MISMATCH;
    memcpy(&store->about, value.mv_data, sizeof store->about);
    if (store->about.version != CACHE_VERSION || store->about.key_size != CACHE_KEY_SIZE)
        return MDB_VERSION_MISMATCH;
    return 0;
}

int cache_store_note_pages(struct cache_store *store, MDB_txn *txn)
{
    MDB_stat stat;
    MDB_envinfo info;
    int error = mdb_stat(txn, store->dbi, &stat);

    if (error)
        return error;
    mdb_env_info(store->env, &info);
    store->pages = stat.ms_branch_pages + stat.ms_leaf_pages;
    store->page_limit = info.me_mapsize / stat.ms_psize * FULL_PERCENT / 100;
    return 0;
}

int cache_store_end(struct cache_store *store, int error)
{
    MDB_txn *txn = store->writing;

    store->writing = NULL;
    if (!error)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* The first transaction: what the file is, or of a new one what it is to be. */
static int begin(const struct opening *o)
{
    struct cache_store *store = o->store;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, o->secret ? 0 : MDB_RDONLY, &store->writing);

    if (error)
        return error;
    txn = store->writing;
    error = mdb_dbi_open(txn, NULL, 0, &store->dbi);
    if (!error && o->secret) {
        store->about = (struct cache_about){.version = CACHE_VERSION, .key_size = CACHE_KEY_SIZE};
        memcpy(store->about.secret, o->secret, sizeof store->about.secret);
        error = cache_store_write_about(store, txn);
    } else if (!error) {
        error = read_about(store, txn);
    }
    if (!error)
        error = cache_store_note_pages(store, txn);
    return cache_store_end(store, error);
}

static void work_open(void *context)
{
    struct opening *o = context;
    struct cache_store *store = o->store;

    o->error = open_env(o);
    if (!o->error)
        o->error = begin(o);
    if (!o->error)
        o->error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reading);
    if (!o->error)
        o->error = mdb_cursor_open(store->reading, store->dbi, &store->cursor);
    if (!o->error && !o->secret)
        o->error = cache_store_check(store, o->options->map_size);
    if (!o->error)
        mdb_txn_reset(store->reading);
}

static struct cache_store *open_store(const struct cache_store_options *options,
                                      const uint8_t *secret, int *error)
{
    struct cache_store *store = calloc(1, sizeof *store);
    struct opening o = {options, secret, store, 0};

    if (!store) {
        *error = ENOMEM;
        return NULL;
    }
    *error = cache_store_guarded(work_open, &o, &o.error);
    if (*error) {
        cache_store_close(store);
        return NULL;
    }
    fchmod(cache_store_fd(store), options->mode); /* whatever the umask is */
    return store;
}

struct cache_store *cache_store_make(const struct cache_store_options *options,
                                     const uint8_t secret[SIPHASH_KEY_SIZE], int *error)
{
    return open_store(options, secret, error);
}

struct cache_store *cache_store_open(const struct cache_store_options *options,
                                     uint8_t secret[SIPHASH_KEY_SIZE], int *error)
{
    struct cache_store *store = open_store(options, NULL, error);
    if (store)
        memcpy(secret, store->about.secret, SIPHASH_KEY_SIZE);
    return store;
}

static void work_close(void *context)
{
    struct cache_store *store = context;

    if (store->writing)
        mdb_txn_abort(store->writing);
    if (store->cursor)
        mdb_cursor_close(store->cursor);
    if (store->reading)
        mdb_txn_abort(store->reading);
    if (store->env)
        mdb_env_close(store->env);
}

void cache_store_close(struct cache_store *store)
{
    if (!store)
        return;
    mapped_try(work_close, store);
    free(store);
}

int cache_store_fd(const struct cache_store *store)
{
    int fd = -1;

    mdb_env_get_fd(store->env, &fd);
    return fd;
}

/* ---- looking ---- */

struct look {
    struct cache_store *store;
    const struct cache_key *key;
    int64_t now_s;
    enum holding holding;
    int error;
};

static void work_look(void *context)
{
    struct look *look = context;

    look->error = mdb_txn_renew(look->store->reading);
    if (look->error)
        return;
    look->error = mdb_cursor_renew(look->store->reading, look->store->cursor);
    if (!look->error)
        look->error = cache_find(look->store->cursor, look->key, look->now_s, &look->holding);
    if (mdb_txn_id(look->store->reading) != cache_last_commit(look->store->env))
        look->error = EAGAIN;
    mdb_txn_reset(look->store->reading);
}

int cache_store_look(struct cache_store *store, const struct cache_key *key, int64_t now_s,
                     enum holding *holding)
{
    struct look look = {store, key, now_s, HOLDING_UNKNOWN, 0};
    int error = cache_store_guarded(work_look, &look, &look.error);

    *holding = error ? HOLDING_UNKNOWN : look.holding;
    return error;
}

void cache_store_counts(const struct cache_store *store, struct cache_counts *counts)
{
    counts->present = store->about.present;
    counts->absent = store->about.absent;
    counts->pages = store->pages;
    counts->page_limit = store->page_limit;
}

bool cache_store_is_damage(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
    case EACCES:
    case EPERM:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOENT:
    case EIO:
        return false;
    default:
        return error != 0;
    }
}

const char *cache_store_error(int error)
{
    if (error == EIO) /* what LMDB makes of a write that ends early */
        return "the disk is full, or fails";
    return mdb_strerror(error);
}
