/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cache.h"

#ifndef HAVE_LMDB
struct cache *cache_open(const struct state *state, cache_log *log, void *log_context)
{
    (void)state, (void)log, (void)log_context;
    return NULL;
}

void cache_close(struct cache *cache)
{
    (void)cache;
}

enum holding cache_look(struct cache *cache, const struct target *target, int64_t generation,
                        const struct object *object, int64_t now_s)
{
    (void)cache, (void)target, (void)generation, (void)object, (void)now_s;
    return HOLDING_UNKNOWN;
}
#else

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cache_find.h"
#include "mapped.h"
#include "plain_file.h"
#include "why.h"

enum { ATTEMPTS = 4 /* commits come ten times a second at most: the second is enough */ };

struct cache {
    const struct state *state;
    cache_log *log;
    void *log_context;
    MDB_env *env;
    MDB_txn *txn; /* reset between look-ups */
    MDB_cursor *cursor;
    MDB_dbi dbi;
    struct stat file; /* as it was when it was opened, or refused */
    int64_t looked_s; /* when the file was looked for */
    bool bad;         /* the file that was seen last is not to be used */
    ino_t told;       /* the file that was complained of */
    uint8_t secret[SIPHASH_KEY_SIZE];
};

/* One look-up, in mapped_try's hands. */
struct look {
    struct cache *cache;
    struct cache_key key;
    int64_t now_s;
    int error;      /* LMDB's */
    bool disturbed; /* there was a commit meanwhile */
    enum holding holding;
};

static void on_assert(MDB_env *env, const char *message)
{
    (void)env, (void)message;
    mapped_give_up();
}

static void tell(struct cache *cache, const char *what)
{
    struct why why;

    if (cache->told == cache->file.st_ino)
        return;
    cache->told = cache->file.st_ino;
    why_not(&why, "The cache %s/%s %s; it is not used until the prober has made a new one.",
            cache->state->name, CACHE_FILE, what);
    cache->log(cache->log_context, why.text);
}

static void work_close(void *context)
{
    struct cache *cache = context;

    if (cache->cursor)
        mdb_cursor_close(cache->cursor);
    if (cache->txn)
        mdb_txn_abort(cache->txn);
    if (cache->env)
        mdb_env_close(cache->env);
}

static void drop(struct cache *cache)
{
    mapped_try(work_close, cache);
    cache->cursor = NULL;
    cache->txn = NULL;
    cache->env = NULL;
}

/* ---- opening ---- */

struct opening {
    struct cache *cache;
    const char *name; /* of the file that has been looked at */
    int error;
    bool foreign;
};

/* Reads the record that describes the file. A file without one is still being made. */
static int read_about(struct opening *o)
{
    struct cache *cache = o->cache;
    struct cache_about about;
    MDB_val key = cache_bytes(CACHE_ABOUT_KEY, sizeof CACHE_ABOUT_KEY - 1), value;
    int error = mdb_get(cache->txn, cache->dbi, &key, &value);

    if (error)
        return error;
    o->foreign = value.mv_size != sizeof about;
    if (o->foreign)
        return 0;
    memcpy(&about, value.mv_data, sizeof about);
    o->foreign = about.version != CACHE_VERSION || about.key_size != CACHE_KEY_SIZE;
    memcpy(cache->secret, about.secret, sizeof about.secret);
    return 0;
}

static int open_env(struct opening *o)
{
    struct cache *cache = o->cache;
    unsigned flags = MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS;
    int error = mdb_env_create(&cache->env);

    if (!error)
        error = mdb_env_set_assert(cache->env, on_assert);
    if (!error)
        error = mdb_env_open(cache->env, o->name, flags, 0);
    if (!error)
        error = mdb_txn_begin(cache->env, NULL, MDB_RDONLY, &cache->txn);
    if (!error)
        error = mdb_dbi_open(cache->txn, NULL, 0, &cache->dbi);
    if (!error)
        error = mdb_cursor_open(cache->txn, cache->dbi, &cache->cursor);
    return error ? error : read_about(o);
}

static void work_open(void *context)
{
    struct opening *o = context;

    o->error = open_env(o);
    if (!o->error)
        mdb_txn_reset(o->cache->txn);
}

/* Has LMDB open the file, which is one. */
static void open_plain(struct opening *o)
{
    if (!mapped_try(work_open, o))
        o->error = MDB_CORRUPTED;
    if (!o->error && !o->foreign)
        return;
    drop(o->cache);
    if (plain_file_may_open_later(o->error)) {
        o->cache->file = (struct stat){0}; /* look again */
        return;
    }
    o->cache->bad = true;
    tell(o->cache, o->foreign           ? "is of another version"
                   : o->error == EACCES ? "may not be read"
                                        : "is damaged or none of signpost's");
}

static void open_file(struct cache *cache)
{
    struct opening o = {.cache = cache};
    char by_descriptor[PLAIN_FILE_NAME_SIZE], by_name[PATH_MAX];
    int fd = plain_file_open(cache->state->fd, CACHE_FILE, O_NOFOLLOW, INT64_MAX, NULL);

    cache->bad = fd < 0 && !plain_file_may_open_later(errno);
    if (fd < 0 && !cache->bad)
        return;
    if (fd < 0) {
        tell(cache, errno == EACCES ? "may not be read" : "is no plain file");
        return;
    }
    snprintf(by_name, sizeof by_name, "%s/%s", cache->state->name, CACHE_FILE);
    o.name = plain_file_name(fd, by_descriptor, by_name);
    open_plain(&o);
    close(fd);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A bad file may have been mended in place, by hand. */
static bool may_be_better(const struct stat *now, const struct stat *before)
{
    return !is_same_file(now, before) || now->st_size != before->st_size ||
           now->st_mtim.tv_sec != before->st_mtim.tv_sec || now->st_mode != before->st_mode;
}

static void refresh(struct cache *cache)
{
    struct stat status;

    if (cache->state->fd < 0 ||
        fstatat(cache->state->fd, CACHE_FILE, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (cache->env)
            drop(cache);
        cache->bad = false;
        return;
    }
    if (cache->env && is_same_file(&status, &cache->file))
        return;
    if (cache->bad && !may_be_better(&status, &cache->file))
        return;
    if (cache->env)
        drop(cache);
    cache->file = status;
    open_file(cache);
}

struct cache *cache_open(const struct state *state, cache_log *log, void *log_context)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache)
        *cache = (struct cache){
            .state = state, .log = log, .log_context = log_context, .looked_s = INT64_MIN};
    return cache;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    drop(cache);
    free(cache);
}

/* ---- looking ---- */

static void work_look(void *context)
{
    struct look *look = context;
    struct cache *cache = look->cache;

    look->error = mdb_txn_renew(cache->txn);
    if (look->error)
        return;
    look->error = mdb_cursor_renew(cache->txn, cache->cursor);
    if (!look->error)
        look->error = cache_find(cache->cursor, &look->key, look->now_s, &look->holding);
    look->disturbed = mdb_txn_id(cache->txn) != cache_last_commit(cache->env);
    mdb_txn_reset(cache->txn);
}

/* Whether there was a commit since the transaction began, though the work was cut short. */
static void work_was_disturbed(void *context)
{
    struct look *look = context;

    look->disturbed = mdb_txn_id(look->cache->txn) != cache_last_commit(look->cache->env);
    mdb_txn_reset(look->cache->txn);
}

/* True once it is certain what the file says. */
static bool try_look(struct look *look)
{
    look->holding = HOLDING_UNKNOWN;
    look->disturbed = false;
    if (!mapped_try(work_look, look)) {
        look->error = MDB_CORRUPTED;
        if (!mapped_try(work_was_disturbed, look))
            look->disturbed = false;
    }
    return !look->disturbed && look->error != MDB_MAP_RESIZED;
}

/* Another prober may have made the map larger. */
static void reopen(struct cache *cache)
{
    drop(cache);
    open_file(cache);
}

enum holding cache_look(struct cache *cache, const struct target *target, int64_t generation,
                        const struct object *object, int64_t now_s)
{
    if (!cache)
        return HOLDING_UNKNOWN;
    if (now_s != cache->looked_s) {
        cache->looked_s = now_s;
        refresh(cache);
    }
    struct look look = {.cache = cache, .now_s = now_s};
    for (int i = 0; i < ATTEMPTS && cache->env; i++) {
        look.key = cache_key(cache->secret, target, generation, object);
        if (try_look(&look)) {
            if (!look.error)
                return look.holding;
            cache->bad = true;
            tell(cache, "is damaged");
            drop(cache);
        } else if (look.error == MDB_MAP_RESIZED) {
            reopen(cache);
        }
    }
    return HOLDING_UNKNOWN;
}
#endif
