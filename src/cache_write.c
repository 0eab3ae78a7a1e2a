/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cache_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cache_committer.h"
#include "cache_store.h"
#include "identity.h"
#include "plain_file.h"
#include "replacement.h"
#include "why.h"

enum {
    RECENT = 1 << 14,   /* findings remembered in memory */
    WAITING_MAX = 4096, /* findings for one commit */
    RETRY_S = 10        /* after the file could not be written */
};

/* A finding in memory. Where another one has the same place, it is pushed out. */
struct recent {
    struct cache_key key; /* of things present */
    struct cache_value value;
    uint8_t kind; /* enum holding; HOLDING_UNKNOWN: no finding */
};

struct cache_writer {
    struct cache_writer_options options;
    struct cache_store *store; /* NULL: there is no file now */
    uint8_t secret[SIPHASH_KEY_SIZE];
    int64_t retry_s; /* not before */
    bool complained;
    struct cache_counts counts;
    struct recent recent[RECENT];
    struct cache_finding *waiting, *committed; /* of WAITING_MAX each */
    size_t waiting_count, committed_count;
    struct cache_committer committer;
};

static void complain(struct cache_writer *writer, const char *what, int error)
{
    struct why why;

    if (writer->complained)
        return;
    writer->complained = true;
    why_not(&why, "The cache %s/%s %s: %s. The prober goes on with what it has in memory.",
            writer->options.state->name, CACHE_FILE, what, cache_store_error(error));
    writer->options.log(writer->options.log_context, why.text);
}

static void tell_new(const struct cache_writer *writer, const char *what)
{
    struct why why;

    why_not(&why, "The cache %s/%s %s, so a new one was begun.", writer->options.state->name,
            CACHE_FILE, what);
    writer->options.log(writer->options.log_context, why.text);
}

static mode_t file_mode(const struct cache_writer *writer)
{
    return writer->options.state->for_group ? 0660 : 0600;
}

static struct cache_store_options options_for(const struct cache_writer *writer, int fd,
                                              const char *path)
{
    return (struct cache_store_options){fd, path, writer->options.map_size, file_mode(writer),
                                        writer->options.unsynced};
}

static const char *path_of(const struct cache_writer *writer, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", writer->options.state->name, name);
    return path;
}

/* Makes a new file a store, and gives it the cache's name. Returns 0 or an error. */
static int make_store(struct cache_writer *writer, int fd, const struct replacement *new)
{
    char path[PATH_MAX];
    struct cache_store_options options =
        options_for(writer, fd, path_of(writer, new->new_name, path));
    int error = 0;

    writer->store = cache_store_make(&options, writer->secret, &error);
    if (!writer->store) {
        replacement_drop(new);
        return error;
    }
    if (replacement_put(new))
        return 0;
    error = errno;
    cache_store_close(writer->store);
    writer->store = NULL;
    return error;
}

/* Makes an empty file, ready for use before it has the cache's name. */
static bool begin_new(struct cache_writer *writer)
{
    struct replacement new;
    int fd = replacement_make(&new, writer->options.state->fd, CACHE_FILE, file_mode(writer));
    int error = fd < 0 ? errno : make_store(writer, fd, &new);

    if (fd >= 0)
        close(fd);
    if (error)
        complain(writer, "cannot be made", error);
    return !error;
}

/* Opens a file that is there. Returns 0 or an error. */
static int open_there(struct cache_writer *writer, int fd)
{
    char path[PATH_MAX];
    struct cache_store_options options = options_for(writer, fd, path_of(writer, CACHE_FILE, path));
    int error = 0;

    writer->store = cache_store_open(&options, writer->secret, &error);
    return error;
}

static bool open_store(struct cache_writer *writer)
{
    if (writer->options.state->fd < 0)
        return false;
    int fd = plain_file_open(writer->options.state->fd, CACHE_FILE, O_NOFOLLOW, INT64_MAX, NULL);
    if (fd < 0 && errno == ENOENT)
        return begin_new(writer);
    int error = fd < 0 ? errno : open_there(writer, fd);
    if (fd >= 0)
        close(fd);
    if (writer->store)
        return true;
    if (!cache_store_is_damage(error)) {
        complain(writer, "cannot be opened", error);
        return false;
    }
    if (!begin_new(writer))
        return false;
    writer->counts.rebuilt++;
    tell_new(writer, "was damaged, foreign or of another version");
    return true;
}

static void give_up(struct cache_writer *writer, int64_t now_s)
{
    cache_store_close(writer->store);
    writer->store = NULL;
    writer->retry_s = now_s + RETRY_S;
}

/* The store has failed: a damaged file is taken out of everybody's sight. */
static void fail(struct cache_writer *writer, int error, int64_t now_s)
{
    if (!cache_store_is_damage(error)) {
        complain(writer, "cannot be written", error);
        give_up(writer, now_s);
        return;
    }
    cache_store_close(writer->store);
    writer->store = NULL;
    if (!begin_new(writer)) {
        writer->retry_s = now_s + RETRY_S;
        return;
    }
    writer->counts.rebuilt++;
    tell_new(writer, "was damaged");
}

static void make_secret(uint8_t secret[SIPHASH_KEY_SIZE])
{
    while (getrandom(secret, SIPHASH_KEY_SIZE, 0) != SIPHASH_KEY_SIZE)
        ;
}

static bool get_ready(struct cache_writer *writer)
{
    if (!committer_init(&writer->committer))
        return false;
    writer->waiting = calloc(WAITING_MAX, sizeof *writer->waiting);
    writer->committed = calloc(WAITING_MAX, sizeof *writer->committed);
    return writer->waiting && writer->committed;
}

static void let_go(struct cache_writer *writer)
{
    committer_close(&writer->committer);
    free(writer->waiting);
    free(writer->committed);
    free(writer);
}

struct cache_writer *cache_writer_open(const struct cache_writer_options *options, int64_t now_s)
{
    struct cache_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return NULL;
    writer->options = *options;
    if (!get_ready(writer)) {
        let_go(writer);
        return NULL;
    }
    make_secret(writer->secret); /* a file that is there has its own */
    if (!open_store(writer))
        writer->retry_s = now_s + RETRY_S;
    return writer;
}

void cache_writer_close(struct cache_writer *writer, int64_t now_s)
{
    if (!writer)
        return;
    if (writer->committer.busy)
        cache_writer_end_commit(writer, now_s);
    if (writer->waiting_count)
        cache_writer_commit(writer, now_s);
    cache_store_close(writer->store);
    let_go(writer);
}

const uint8_t *cache_writer_secret(const struct cache_writer *writer)
{
    return writer->secret;
}

static struct recent *place_of_key(struct cache_writer *writer, const struct cache_key *key)
{
    size_t at = (size_t)key->bytes[5] << 16 | (size_t)key->bytes[6] << 8 | key->bytes[7];

    return &writer->recent[at % RECENT];
}

enum holding cache_writer_look(struct cache_writer *writer, const struct cache_key *key,
                               int64_t now_s)
{
    const struct recent *recent = place_of_key(writer, key);
    enum holding holding = HOLDING_UNKNOWN;

    if (recent->kind != HOLDING_UNKNOWN && memcmp(&recent->key, key, sizeof *key) == 0)
        return cache_is_fresh(&recent->value, now_s) ? (enum holding)recent->kind : HOLDING_UNKNOWN;
    if (!writer->store)
        return HOLDING_UNKNOWN;
    int error = cache_store_look(writer->store, key, now_s, &holding);
    if (error && !writer->committer.busy) /* else it may just have been disturbed */
        fail(writer, error, now_s);
    return holding;
}

void cache_writer_add(struct cache_writer *writer, const struct cache_key *key, enum holding kind,
                      int64_t now_s, uint32_t lifetime_s)
{
    struct cache_value value = {(uint32_t)now_s, lifetime_s};

    *place_of_key(writer, key) = (struct recent){*key, value, (uint8_t)kind};
    if (writer->waiting_count == WAITING_MAX) {
        writer->counts.lost++;
        return;
    }
    writer->waiting[writer->waiting_count++] =
        (struct cache_finding){cache_key_of_kind(*key, kind), value};
}

size_t cache_writer_waiting(const struct cache_writer *writer)
{
    return writer->waiting_count;
}

/* Whether the file that is open still has the cache's name. */
static bool is_in_place(const struct cache_writer *writer)
{
    struct identity named = identity_in(writer->options.state->fd, CACHE_FILE), open_file;
    struct stat status;

    if (fstat(cache_store_fd(writer->store), &status) < 0)
        return false;
    open_file = identity_of(&status);
    return identity_same_file(&open_file, &named);
}

static bool have_store(struct cache_writer *writer, int64_t now_s)
{
    if (writer->store && !is_in_place(writer)) { /* somebody wants to begin anew */
        memset(writer->recent, 0, sizeof writer->recent);
        cache_store_close(writer->store);
        writer->store = NULL;
    }
    if (writer->store)
        return true;
    bool clock_went_back = writer->retry_s - now_s > RETRY_S;
    if (now_s < writer->retry_s && !clock_went_back)
        return false;
    if (open_store(writer))
        return true;
    writer->retry_s = now_s + RETRY_S;
    return false;
}

void cache_writer_begin_commit(struct cache_writer *writer, int64_t now_s)
{
    struct cache_finding *free_now = writer->committed;

    writer->counts = cache_writer_counts(writer); /* the store is the thread's from now on */
    writer->committed = writer->waiting;
    writer->committed_count = writer->waiting_count;
    writer->waiting = free_now;
    writer->waiting_count = 0;
    if (have_store(writer, now_s))
        committer_begin(&writer->committer, writer->store, writer->committed,
                        writer->committed_count, now_s);
}

bool cache_writer_is_committing(const struct cache_writer *writer)
{
    return writer->committer.busy;
}

int cache_writer_fd(const struct cache_writer *writer)
{
    return writer->committer.fd;
}

bool cache_writer_end_commit(struct cache_writer *writer, int64_t now_s)
{
    int error = writer->committer.busy ? committer_end(&writer->committer) : 0;

    if (error)
        fail(writer, error, now_s);
    if (error || !writer->store) {
        writer->counts.lost += writer->committed_count;
        return false;
    }
    if (writer->committed_count == 0)
        return true;
    writer->complained = false;
    writer->counts.evicted += writer->committer.evicted;
    writer->counts.commits++;
    return true;
}

bool cache_writer_commit(struct cache_writer *writer, int64_t now_s)
{
    cache_writer_begin_commit(writer, now_s);
    return cache_writer_end_commit(writer, now_s);
}

struct cache_counts cache_writer_counts(const struct cache_writer *writer)
{
    struct cache_counts counts = writer->counts;

    if (writer->store && !writer->committer.busy)
        cache_store_counts(writer->store, &counts);
    return counts;
}
