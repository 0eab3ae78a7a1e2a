/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of the cache, the prober's. A finding is seen by all processes at once.
 * Where there can be no file (a full disk), the table is in this process's memory until there
 * can be one.
 */
#ifndef STATE_CACHE_WRITE_H
#define STATE_CACHE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "state/cache.h"

struct cache_writer;

struct cache_writer_options {
    const struct state *state; /* the directory, borrowed */
    size_t size;               /* bytes that the file has */
    struct cache_lifetimes lifetimes;
    cache_log *log;
    void *log_context;
};

/*
 * Opens the cache, or makes a new one where there is none or it is damaged, foreign, of another
 * version or of another size. To be called under the prober's lock only. What is wrong is told
 * to the log. NULL if there is no memory.
 */
struct cache_writer *cache_writer_open(const struct cache_writer_options *options, int64_t now_s);

/* NULL is fine. */
void cache_writer_close(struct cache_writer *writer);

/* The configuration was read again. */
void cache_writer_configure(struct cache_writer *writer, struct cache_lifetimes lifetimes);

/* The key of an object at a target; hash as with cache_look. */
uint64_t cache_writer_key(const struct cache_writer *writer, const struct target *target,
                          const struct object *object, struct cache_hash *hash);

/* What is known under a key. */
enum holding cache_writer_look(struct cache_writer *writer, uint64_t key, int64_t now_s);

/* Takes in a finding, HOLDING_PRESENT or HOLDING_ABSENT; it takes the place of an older one. */
void cache_writer_add(struct cache_writer *writer, uint64_t key, enum holding kind, int64_t now_s);

/* Forgets what is known of a target; what is still asked under old keys comes to nothing. */
void cache_writer_forget(struct cache_writer *writer, const struct target *target);

/* Forgets what is known under a key. */
void cache_writer_clear_entry(struct cache_writer *writer, uint64_t key);

/*
 * To be called each second: begins anew where the file has been deleted, replaced or cut short,
 * tries again where there was none, and sweeps a part of the table, all of it in an hour.
 */
void cache_writer_refresh(struct cache_writer *writer, int64_t now_s);

struct cache_counts {
    uint64_t present, absent, slots; /* slots in use, and all there are */
    uint64_t evicted, lost;          /* valid entries pushed out; findings without a place */
    uint64_t rebuilt;                /* files made anew after damage */
};

struct cache_counts cache_writer_counts(const struct cache_writer *writer);

#endif
