/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_committer.h"

#include <sys/eventfd.h>
#include <unistd.h>

bool committer_init(struct cache_committer *committer)
{
    *committer = (struct cache_committer){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    return committer->fd >= 0;
}

static void *work(void *context)
{
    struct cache_committer *c = context;

    c->error = cache_store_commit(c->store, c->findings, c->count, c->now_s, &c->evicted);
    eventfd_write(c->fd, 1);
    return NULL;
}

void committer_begin(struct cache_committer *committer, struct cache_store *store,
                     const struct cache_finding *findings, size_t count, int64_t now_s)
{
    committer->store = store;
    committer->findings = findings;
    committer->count = count;
    committer->now_s = now_s;
    committer->evicted = 0;
    committer->busy = true;
    committer->has_thread =
        count > 0 && pthread_create(&committer->thread, NULL, work, committer) == 0;
    if (!committer->has_thread)
        work(committer);
}

int committer_end(struct cache_committer *committer)
{
    eventfd_t done;

    if (committer->has_thread)
        pthread_join(committer->thread, NULL);
    eventfd_read(committer->fd, &done);
    committer->busy = false;
    return committer->error;
}

void committer_close(struct cache_committer *committer)
{
    if (committer->fd >= 0)
        close(committer->fd);
}
