/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of the cache, the prober's: takes in findings, and commits them
 * in batches. It works without its file, too (no LMDB, a full disk): then it
 * remembers the last few thousand findings.
 */
#ifndef CACHE_WRITE_H
#define CACHE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache.h"
#include "cache_format.h"

struct cache_writer;

struct cache_writer_options {
    const struct state *state; /* the directory, borrowed */
    size_t map_size;           /* bytes that the file may grow to */
    bool unsynced;             /* for tests: a commit does not wait for the disk */
    cache_log *log;
    void *log_context;
};

/*
 * Opens the cache, or makes a new one where there is none or it is damaged,
 * foreign or of another version. To be called under the prober's lock only. What
 * is wrong is told to the log. NULL if there is no memory.
 */
struct cache_writer *cache_writer_open(const struct cache_writer_options *options, int64_t now_s);

/* Commits what is left, and closes. NULL is fine. */
void cache_writer_close(struct cache_writer *writer, int64_t now_s);

/* What keys are made with; stays the same while the writer is open. */
const uint8_t *cache_writer_secret(const struct cache_writer *writer);

/* What is known under a key, whether it has been committed or not. */
enum holding cache_writer_look(struct cache_writer *writer, const struct cache_key *key,
                               int64_t now_s);

/* Takes in a finding, HOLDING_PRESENT or HOLDING_ABSENT; it takes the place of an older one. */
void cache_writer_add(struct cache_writer *writer, const struct cache_key *key, enum holding kind,
                      int64_t now_s, uint32_t lifetime_s);

/* How many findings wait for the next commit. */
size_t cache_writer_waiting(const struct cache_writer *writer);

/*
 * Begins to commit what waits, synced, with room made where a kind has used up its
 * share; all else goes on meanwhile. Finds out, too, whether the file has been deleted,
 * cut short or replaced, and begins a new one then. Not while another commit is under way.
 */
void cache_writer_begin_commit(struct cache_writer *writer, int64_t now_s);

/* Whether a commit is under way, and a descriptor that is readable when it has come to its end. */
bool cache_writer_is_committing(const struct cache_writer *writer);
int cache_writer_fd(const struct cache_writer *writer);

/*
 * Ends a commit, and waits for that if need be. False if the file cannot be written, as
 * has been told to the log: then what was to be committed is forgotten, and the next
 * attempt is some seconds later.
 */
bool cache_writer_end_commit(struct cache_writer *writer, int64_t now_s);

/* Both in one. */
bool cache_writer_commit(struct cache_writer *writer, int64_t now_s);

struct cache_counts {
    uint64_t present, absent;   /* entries in the file */
    uint64_t pages, page_limit; /* used by them, and from where on room is made */
    uint64_t evicted, lost;     /* entries pushed out, findings that could not be written */
    uint64_t commits, rebuilt;
};

struct cache_counts cache_writer_counts(const struct cache_writer *writer);

#endif
