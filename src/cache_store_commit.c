/* SPDX-License-Identifier: Apache-2.0 */
/* Writing findings to the cache's file, and making room for them there. */
#include "cache_store_lmdb.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "cache_find.h"

enum {
    SAMPLE = 8,            /* entries of which the oldest is evicted */
    STEPS = 200,           /* at most, to find them among those of the other kind */
    ABSENT_PERCENT = 25,   /* of the pages there may be */
    EVICTIONS = 2,         /* at most, for one new entry */
    TRANSACTION_PART = 32, /* of the map's pages may be changed by one transaction */
    TRANSACTION_MIN = 8    /* entries */
};

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
    int error = cache_store_note_pages(c->store, c->txn);

    for (int i = 0; i < EVICTIONS && !error && is_over_share(c->store, kind); i++) {
        error = evict(c, kind);
        if (!error)
            error = cache_store_note_pages(c->store, c->txn);
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
    if (c->count == 0)
        return; /* that was all: an idle prober writes nothing */
    if (!c->error)
        c->error = mdb_txn_begin(c->store->env, NULL, 0, &c->store->writing);
    if (c->error)
        return;
    c->txn = c->store->writing;
    for (size_t i = 0; i < c->count && !c->error; i++)
        c->error = write_finding(c, &c->findings[i]);
    if (!c->error)
        c->error = cache_store_write_about(c->store, c->txn);
    c->error = cache_store_end(c->store, c->error);
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
        int error = cache_store_guarded(work_commit, &c, &c.error);
        if (error)
            return error;
        *evicted += c.evicted;
        findings += c.count;
        count -= c.count;
    } while (count > 0);
    return 0;
}
