/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has findings committed in a thread of its own: a commit waits for the disk, which may
 * take seconds, and whoever began it goes on meanwhile. Where there can be no thread, or
 * nothing is to be written, it is done at once.
 */
#ifndef CACHE_COMMITTER_H
#define CACHE_COMMITTER_H

#include <pthread.h>
#include "cache_store.h"

struct cache_committer {
    int fd; /* readable once the work is done, until committer_end */
    bool busy, has_thread;
    pthread_t thread;
    /* The thread's, while there is one. */
    struct cache_store *store;
    const struct cache_finding *findings;
    size_t count;
    int64_t now_s;
    uint64_t evicted;
    int error;
};

/* Gets ready. False if there are too few descriptors. */
bool committer_init(struct cache_committer *committer);

/* Begins a commit; there is none under way. Store and findings are lent until its end. */
void committer_begin(struct cache_committer *committer, struct cache_store *store,
                     const struct cache_finding *findings, size_t count, int64_t now_s);

/* Waits for the end of a commit that was begun. Returns 0 or an error, as cache_store_commit. */
int committer_end(struct cache_committer *committer);

/* Lets go of the descriptor; no commit is under way. */
void committer_close(struct cache_committer *committer);

#endif
