/* SPDX-License-Identifier: Apache-2.0 */
#include "state/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "core/identity.h"
#include "core/mapped.h"
#include "core/plain_file.h"
#include "core/why.h"

struct cache {
    const struct state *state;
    struct cache_lifetimes lifetimes;
    cache_log *log;
    void *log_context;
    struct cache_table table;
    void *at; /* the map, NULL: there is none */
    size_t size;
    int guard;
    struct identity file; /* as it was when it was opened, or refused */
    int64_t looked_s;     /* when the file was looked for */
    bool is_swept;        /* … and found to be swept */
    ino_t told;           /* the file that was complained of */
};

static void tell(struct cache *cache, const char *what)
{
    struct why why;

    if (cache->told == cache->file.inode)
        return;
    cache->told = cache->file.inode;
    why_not(&why, "The cache %s/%s %s; it is not used until the prober has made a new one.",
            cache->state->name, CACHE_FILE, what);
    cache->log(cache->log_context, why.text);
}

static void drop(struct cache *cache)
{
    if (!cache->at)
        return;
    mapped_release(cache->guard, cache->at, cache->size);
    cache->at = NULL;
}

/* Maps an open file. False with errno. */
static bool map(struct cache *cache, int fd, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return false;
    cache->guard = mapped_watch(at, size);
    if (cache->guard < 0) {
        munmap(at, size);
        errno = ENOMEM;
        return false;
    }
    cache->at = at;
    cache->size = size;
    return true;
}

static void open_file(struct cache *cache)
{
    struct stat status = {0};
    int fd = plain_file_open(cache->state->fd, CACHE_FILE, O_NOFOLLOW, INT64_MAX, &status);
    bool is_large_enough = fd >= 0 && status.st_size >= CACHE_HEADER_SIZE;
    bool is_mapped = is_large_enough && map(cache, fd, (size_t)status.st_size);
    int error = errno;

    if (fd >= 0)
        close(fd);
    if (is_mapped && cache_table_take(&cache->table, cache->at, cache->size))
        return;
    drop(cache);
    if (!is_mapped && (fd < 0 || is_large_enough) && plain_file_may_open_later(error))
        cache->file = (struct identity){0}; /* look again */
    else
        tell(cache, fd >= 0           ? "is damaged, of another version or not signpost's"
                    : error == EACCES ? "may not be read"
                                      : "is not a plain file");
}

static void refresh(struct cache *cache, int64_t now_s)
{
    struct identity now = {0};
    if (cache->state->fd >= 0)
        now = identity_in(cache->state->fd, CACHE_FILE);
    bool is_same = cache->at && cache_table_is_whole(&cache->table)
                       ? identity_same_file(&now, &cache->file)
                       : identity_same(&now, &cache->file); /* one may be mended in place */

    if (!is_same) {
        drop(cache);
        cache->file = now;
        if (now.inode)
            open_file(cache);
    }
    cache->is_swept = cache->at && cache_table_is_swept(&cache->table, now_s);
    cache->looked_s = now_s;
}

struct cache *cache_open(const struct state *state, struct cache_lifetimes lifetimes,
                         cache_log *log, void *log_context)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache)
        *cache = (struct cache){.state = state,
                                .lifetimes = lifetimes,
                                .log = log,
                                .log_context = log_context,
                                .looked_s = INT64_MIN};
    return cache;
}

void cache_close(struct cache *cache)
{
    if (cache)
        drop(cache);
    free(cache);
}

enum holding cache_look(struct cache *cache, const struct target *target,
                        const struct object *object, struct cache_hash *hash, int64_t now_s)
{
    if (!cache)
        return HOLDING_UNKNOWN;
    if (now_s != cache->looked_s)
        refresh(cache, now_s);
    if (!cache->is_swept)
        return HOLDING_UNKNOWN;
    uint64_t key = cache_key(&cache->table, target, object, hash);
    enum holding holding = cache_table_look(&cache->table, key, &cache->lifetimes, now_s);
    if (!mapped_is_damaged(cache->guard))
        return holding;
    tell(cache, "has been cut short");
    drop(cache);
    cache->is_swept = false;
    return HOLDING_UNKNOWN;
}
