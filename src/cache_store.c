/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cache_store.h"

#include <errno.h>
#include <string.h>

#ifndef HAVE_LMDB
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
#else

#include <stdlib.h>
#include <sys/stat.h>
#include "cache_find.h"
#include "mapped.h"

enum {
    SAMPLE = 8,            /* entries of which the oldest is evicted */
    STEPS = 200,           /* at most, to find them among those of the other kind */
    FULL_PERCENT = 80,     /* of the map */
    ABSENT_PERCENT = 25,   /* of that */
    EVICTIONS = 2,         /* at most, for one new entry */
    TRANSACTION_PART = 32, /* of the map's pages may be changed by one transaction */
    TRANSACTION_MIN = 8    /* entries */
};

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

static void on_assert(MDB_env *env, const char *message)
{
    (void)env, (void)message;
    mapped_give_up();
}

static MDB_val about_key(void)
{
    return cache_bytes(CACHE_ABOUT_KEY, sizeof CACHE_ABOUT_KEY - 1);
}

/* Does some work under the guard; what it returns is in *error then. */
static int guarded(void (*work)(void *), void *context, const int *error)
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
    int error = mdb_env_create(&store->env);

    if (o->options->unsynced)
        flags |= MDB_NOSYNC;
    if (!error)
        error = mdb_env_set_assert(store->env, on_assert);
    if (!error)
        error = mdb_env_set_mapsize(store->env, o->options->map_size);
    if (!error)
        error = mdb_env_open(store->env, o->options->path, flags, o->options->mode);
    return error;
}

static int write_about(struct cache_store *store, MDB_txn *txn)
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

static int note_pages(struct cache_store *store, MDB_txn *txn)
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

/* Commits, or after an error aborts; a commit that fails has ended it, too. */
static int end_transaction(struct cache_store *store, int error)
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
        error = write_about(store, txn);
    } else if (!error) {
        error = read_about(store, txn);
    }
    if (!error)
        error = note_pages(store, txn);
    return end_transaction(store, error);
}

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

/*
 * Goes through all entries: LMDB believes its pages, and writing with damaged ones
 * could end the prober, and the next one, too. A million take some 50 ms.
 */
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

static void work_open(void *context)
{
    struct opening *o = context;
    struct cache_store *store = o->store;

    o->error = open_env(o);
    if (!o->error)
        o->error = begin(o);
    if (!o->error)
        o->error = check_size(store, o->options->map_size);
    if (!o->error)
        o->error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reading);
    if (!o->error)
        o->error = mdb_cursor_open(store->reading, store->dbi, &store->cursor);
    if (!o->error && !o->secret)
        o->error = check_entries(store);
    if (!o->error && !o->secret)
        o->error = check_free_pages(store);
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
    *error = guarded(work_open, &o, &o.error);
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
    struct stat status;

    if (lstat(options->path, &status) < 0) {
        *error = errno;
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        *error = MDB_INVALID;
        return NULL;
    }
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
    mdb_txn_reset(look->store->reading);
}

int cache_store_look(struct cache_store *store, const struct cache_key *key, int64_t now_s,
                     enum holding *holding)
{
    struct look look = {store, key, now_s, HOLDING_UNKNOWN, 0};
    int error = guarded(work_look, &look, &look.error);

    *holding = error ? HOLDING_UNKNOWN : look.holding;
    return error;
}

/* ---- evicting ---- */

struct commit {
    struct cache_store *store;
    const struct cache_finding *findings;
    size_t count;
    int64_t now_s;
    uint64_t evicted;
    MDB_txn *txn;
    int error;
};

static uint64_t *count_of(struct cache_store *store, enum holding kind)
{
    return kind == HOLDING_ABSENT ? &store->about.absent : &store->about.present;
}

/* Whether a kind's part of the pages is more than its share of those there may be. */
static bool is_over_share(struct cache_store *store, enum holding kind)
{
    uint64_t all = store->about.present + store->about.absent;
    uint64_t percent = kind == HOLDING_ABSENT ? ABSENT_PERCENT : 100 - ABSENT_PERCENT;

    return all > 0 &&
           store->pages * *count_of(store, kind) / all > store->page_limit * percent / 100;
}

static int delete_entry(struct commit *c, const struct cache_key *entry)
{
    MDB_val key = cache_bytes(entry, sizeof *entry);
    int error = mdb_del(c->txn, c->store->dbi, &key, NULL);

    if (!error)
        --*count_of(c->store, cache_kind(entry));
    return error;
}

struct sample {
    struct cache_key key[SAMPLE];
    struct cache_value value[SAMPLE];
    size_t count;
};

/* Takes the entry the cursor is at into the sample, if it is one of the kind. */
static void take(struct sample *sample, const MDB_val *at, const MDB_val *value, enum holding kind)
{
    struct cache_key key;

    if (at->mv_size != sizeof key || value->mv_size != sizeof *sample->value)
        return; /* the record about the file */
    memcpy(&key, at->mv_data, sizeof key);
    if (cache_kind(&key) != kind)
        return;
    sample->key[sample->count] = key;
    memcpy(&sample->value[sample->count], value->mv_data, sizeof *sample->value);
    sample->count++;
}

/*
 * The next entries of a kind from its hand on, which moves along, and from the
 * end of the file to its start. There are many of the kind, or it would be within its share.
 */
static int draw(struct commit *c, enum holding kind, struct sample *sample)
{
    struct cache_key *hand = &c->store->hand[kind == HOLDING_ABSENT];
    struct cache_key from = *hand;
    MDB_val key = cache_bytes(&from, sizeof from), value;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(c->txn, c->store->dbi, &cursor);

    sample->count = 0;
    if (error)
        return error;
    error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (int i = 0; i < STEPS && !error && sample->count < SAMPLE; i++) {
        take(sample, &key, &value, kind);
        error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (!error && key.mv_size == sizeof *hand)
        memcpy(hand, key.mv_data, sizeof *hand);
    else
        memset(hand, 0, sizeof *hand);
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Evicts what has expired of a few entries, or the oldest of them. */
static int evict(struct commit *c, enum holding kind)
{
    struct sample sample;
    size_t oldest = 0, expired = 0;
    int error = draw(c, kind, &sample);

    if (!error && sample.count == 0)
        error = draw(c, kind, &sample); /* from the start of the file */
    for (size_t i = 0; i < sample.count && !error; i++) {
        if (sample.value[i].found_s < sample.value[oldest].found_s)
            oldest = i;
        if (cache_is_fresh(&sample.value[i], c->now_s))
            continue;
        expired++;
        error = delete_entry(c, &sample.key[i]);
    }
    if (!error && expired == 0 && sample.count > 0)
        error = delete_entry(c, &sample.key[oldest]);
    c->evicted += expired ? expired : sample.count > 0;
    return error;
}

static int make_room(struct commit *c, enum holding kind)
{
    int error = note_pages(c->store, c->txn);

    for (int i = 0; i < EVICTIONS && !error && is_over_share(c->store, kind); i++) {
        error = evict(c, kind);
        if (!error)
            error = note_pages(c->store, c->txn);
    }
    return error;
}

/* ---- writing ---- */

static int forget_other_kind(struct commit *c, const struct cache_finding *finding)
{
    enum holding kind = cache_kind(&finding->key);
    struct cache_key other =
        cache_key_of_kind(finding->key, kind == HOLDING_ABSENT ? HOLDING_PRESENT : HOLDING_ABSENT);
    int error = delete_entry(c, &other);

    return error == MDB_NOTFOUND ? 0 : error;
}

static int write_finding(struct commit *c, const struct cache_finding *finding)
{
    enum holding kind = cache_kind(&finding->key);
    MDB_val key = cache_bytes(&finding->key, sizeof finding->key);
    MDB_val value = cache_bytes(&finding->value, sizeof finding->value);
    int error = mdb_put(c->txn, c->store->dbi, &key, &value, MDB_NOOVERWRITE);

    if (error == MDB_KEYEXIST) {
        value = cache_bytes(&finding->value, sizeof finding->value);
        return mdb_put(c->txn, c->store->dbi, &key, &value, 0);
    }
    if (error)
        return error;
    ++*count_of(c->store, kind);
    error = forget_other_kind(c, finding);
    return error ? error : make_room(c, kind);
}

/* A file that was cut short would grow again by what is written, with holes. */
static int check_whole(const struct cache_store *store)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;

    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    if (fstat(cache_store_fd(store), &file) < 0)
        return errno;
    return (uint64_t)file.st_size < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize
               ? MDB_CORRUPTED
               : 0;
}

static void work_commit(void *context)
{
    struct commit *c = context;

    c->error = check_whole(c->store);
    if (!c->error)
        c->error = mdb_txn_begin(c->store->env, NULL, 0, &c->store->writing);
    if (c->error)
        return;
    c->txn = c->store->writing;
    for (size_t i = 0; i < c->count && !c->error; i++)
        c->error = write_finding(c, &c->findings[i]);
    if (!c->error)
        c->error = write_about(c->store, c->txn);
    c->error = end_transaction(c->store, c->error);
}

/* Changed pages are used again two commits later: one transaction must not want too many. */
static size_t transaction_size(const struct cache_store *store)
{
    uint64_t size = store->page_limit / TRANSACTION_PART;

    return size < TRANSACTION_MIN ? TRANSACTION_MIN : (size_t)size;
}

int cache_store_commit(struct cache_store *store, const struct cache_finding *findings,
                       size_t count, int64_t now_s, uint64_t *evicted)
{
    size_t most = transaction_size(store);

    do {
        struct commit c = {.store = store, .findings = findings, .now_s = now_s};
        c.count = count < most ? count : most;
        int error = guarded(work_commit, &c, &c.error);
        if (error)
            return error;
        *evicted += c.evicted;
        findings += c.count;
        count -= c.count;
    } while (count > 0);
    return 0;
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
#endif
