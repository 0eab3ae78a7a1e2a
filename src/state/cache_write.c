/* SPDX-License-Identifier: Apache-2.0 */
#include "state/cache_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include "core/identity.h"
#include "core/mapped.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "core/why.h"

#define FORMER_FILE "cache.mdb" /* of versions before 0.2 */

enum {
    RETRY_S = 10,   /* after the file could not be made */
    SWEEP_S = 3600, /* for the whole table */
    NO_GUARD = -1
};

struct cache_writer {
    struct cache_writer_options options;
    uint32_t bucket_count; /* that are wanted */
    struct cache_table table;
    void *at; /* the map */
    size_t size;
    int guard;
    struct identity file;             /* all zero: the table is in memory only */
    uint8_t secret[SIPHASH_KEY_SIZE]; /* for files that are made */
    uint32_t swept;                   /* buckets, in this round */
    int64_t sweep_began_s, retry_s;   /* retry_s: not before */
    bool complained;
    struct cache_use use;
    struct cache_counts counts;
};

static void complain(struct cache_writer *writer, const char *what, int error)
{
    struct why why;

    if (writer->complained)
        return;
    writer->complained = true;
    why_not(&why, "The cache %s/%s %s: %s. The prober keeps what it finds in its own memory.",
            writer->options.state->name, CACHE_FILE, what, plain_file_error(error));
    writer->options.log(writer->options.log_context, why.text);
}

static void tell_new(const struct cache_writer *writer, const char *what)
{
    struct why why;

    why_not(&why, "The cache %s/%s %s, so a new one was made.", writer->options.state->name,
            CACHE_FILE, what);
    writer->options.log(writer->options.log_context, why.text);
}

/* ---- maps ---- */

static void drop(struct cache_writer *writer)
{
    if (!writer->at)
        return;
    mapped_release(writer->guard, writer->at, writer->size);
    writer->at = NULL;
}

/* Takes over a map that holds a table; it is guarded if it is one of a file. False: it is none. */
static bool use_map(struct cache_writer *writer, void *at, size_t size, struct identity file,
                    int64_t now_s)
{
    struct cache_table table;
    int guard = file.inode ? mapped_watch(at, size) : NO_GUARD;

    if ((file.inode && guard < 0) || !cache_table_take(&table, at, size) ||
        table.bucket_count != writer->bucket_count) {
        mapped_release(guard, at, size);
        return false;
    }
    drop(writer);
    writer->table = table;
    memcpy(writer->secret, table.secret, sizeof writer->secret);
    writer->at = at;
    writer->size = size;
    writer->guard = guard;
    writer->file = file;
    writer->use = cache_table_count(&table);
    cache_table_sweep(&writer->table, 0, UINT32_MAX, &writer->options.lifetimes, now_s,
                      &writer->use); /* a prober may live for less than a round */
    cache_table_stamp(&writer->table, now_s);
    writer->swept = 0;
    return true;
}

static void *map_file(int fd, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return NULL;
    return at;
}

static bool use_memory(struct cache_writer *writer, int64_t now_s)
{
    size_t size = cache_file_size(writer->bucket_count);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct cache_table table;

    if (at == MAP_FAILED)
        return false;
    cache_table_make(&table, at, writer->bucket_count, writer->secret, now_s);
    return use_map(writer, at, size, (struct identity){0}, now_s);
}

/* ---- the file ---- */

/* Has a new, empty file hold what the table holds now, if there is one. Returns errno. */
static int fill_file(struct cache_writer *writer, int fd, int64_t now_s)
{
    size_t size = cache_file_size(writer->bucket_count);
    int error = posix_fallocate(fd, 0, (off_t)size); /* a hole on a full disk raises SIGBUS */
    struct cache_table table;
    struct stat status;

    if (error)
        return error;
    void *at = fstat(fd, &status) == 0 ? map_file(fd, size) : NULL;
    if (!at)
        return errno;
    cache_table_make(&table, at, writer->bucket_count, writer->secret, now_s);
    if (writer->at)
        cache_table_copy(&table, &writer->table);
    return use_map(writer, at, size, identity_of(&status), now_s) ? 0 : ENOMEM;
}

static bool make_file(struct cache_writer *writer, int64_t now_s)
{
    const struct state *state = writer->options.state;
    struct replacement new;
    int fd = replacement_make(&new, state->fd, CACHE_FILE, state->for_group ? 0660 : 0600);
    int error = fd < 0 ? errno : fill_file(writer, fd, now_s);

    if (fd >= 0)
        close(fd);
    if (fd >= 0 && error)
        replacement_drop(&new);
    else if (!error && !replacement_put(&new))
        error = errno;
    writer->complained = writer->complained && error;
    if (error) {
        writer->file = (struct identity){0}; /* what is mapped is seen by nobody else */
        complain(writer, "cannot be made", error);
        writer->retry_s = now_s + RETRY_S;
    }
    return !error;
}

enum file { FILE_IN_USE, FILE_NONE, FILE_OTHER_SIZE, FILE_BAD, FILE_LATER };

static enum file take_map(struct cache_writer *writer, void *at, const struct stat *status,
                          int64_t now_s)
{
    struct cache_table table;
    size_t size = (size_t)status->st_size;

    if (!cache_table_take(&table, at, size) || !cache_table_is_swept(&table, now_s)) {
        mapped_release(NO_GUARD, at, size);
        return FILE_BAD;
    }
    if (table.bucket_count == writer->bucket_count)
        return use_map(writer, at, size, identity_of(status), now_s) ? FILE_IN_USE : FILE_LATER;
    mapped_release(NO_GUARD, at, size);
    return FILE_OTHER_SIZE;
}

/* Uses the file that is there, if it can be used. */
static enum file take_file(struct cache_writer *writer, int64_t now_s)
{
    struct stat status;
    int fd = plain_file_open(writer->options.state->fd, CACHE_FILE, O_NOFOLLOW | O_RDWR, INT64_MAX,
                             &status);

    if (fd < 0 && errno == ENOENT)
        return FILE_NONE;
    if (fd < 0)
        return plain_file_may_open_later(errno) ? FILE_LATER : FILE_BAD;
    bool is_large_enough = status.st_size >= CACHE_HEADER_SIZE;
    void *at = is_large_enough ? map_file(fd, (size_t)status.st_size) : NULL;
    close(fd);
    if (at)
        return take_map(writer, at, &status, now_s);
    return is_large_enough ? FILE_LATER : FILE_BAD;
}

/* Uses the file that is there, or makes one. False: there is none. */
static bool have_file(struct cache_writer *writer, int64_t now_s)
{
    if (writer->options.state->fd < 0) {
        complain(writer, "cannot be made", ENOENT);
        return false;
    }
    enum file found = take_file(writer, now_s);
    if (found == FILE_IN_USE)
        return true;
    if (found == FILE_LATER || !make_file(writer, now_s))
        return false;
    if (found == FILE_BAD) {
        writer->counts.rebuilt++;
        tell_new(writer, "was damaged, of another version or not swept for a week");
    } else if (found == FILE_OTHER_SIZE) {
        tell_new(writer, "was of another size than `cache_size`");
    }
    return true;
}

/* ---- opening ---- */

static void make_secret(uint8_t secret[SIPHASH_KEY_SIZE])
{
    while (getrandom(secret, SIPHASH_KEY_SIZE, 0) != SIPHASH_KEY_SIZE)
        ;
}

struct cache_writer *cache_writer_open(const struct cache_writer_options *options, int64_t now_s)
{
    struct cache_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return NULL;
    writer->options = *options;
    writer->bucket_count = cache_bucket_count(options->size);
    writer->guard = NO_GUARD;
    make_secret(writer->secret); /* a file that is there has its own */
    if (have_file(writer, now_s)) {
        unlinkat(options->state->fd, FORMER_FILE, 0);
        return writer;
    }
    writer->retry_s = now_s + RETRY_S;
    if (writer->at || use_memory(writer, now_s))
        return writer;
    free(writer);
    return NULL;
}

void cache_writer_close(struct cache_writer *writer)
{
    if (writer)
        drop(writer);
    free(writer);
}

void cache_writer_configure(struct cache_writer *writer, struct cache_lifetimes lifetimes)
{
    writer->options.lifetimes = lifetimes;
}

/* ---- each second ---- */

/* Whoever took the file away wants to begin anew, or what is in it is damaged. */
static void begin_anew(struct cache_writer *writer, int64_t now_s)
{
    writer->file = (struct identity){0};
    cache_table_clear(&writer->table);
    writer->use = (struct cache_use){0, 0};
    have_file(writer, now_s);
}

/* Whether all others see what this process does. */
static bool is_in_place(const struct cache_writer *writer)
{
    struct identity named = identity_in(writer->options.state->fd, CACHE_FILE);

    return identity_same_file(&writer->file, &named) && named.size == writer->file.size &&
           !mapped_is_damaged(writer->guard) && cache_table_is_whole(&writer->table);
}

static void look_at_file(struct cache_writer *writer, int64_t now_s)
{
    bool clock_went_back = writer->retry_s - now_s > RETRY_S;

    if (writer->options.state->fd < 0)
        return; /* the directory may come back, with the file in it */
    if (writer->file.inode && !is_in_place(writer))
        begin_anew(writer, now_s);
    else if (!writer->file.inode && (now_s >= writer->retry_s || clock_went_back))
        have_file(writer, now_s);
}

static void sweep(struct cache_writer *writer, int64_t now_s)
{
    uint32_t count = writer->bucket_count / SWEEP_S + 1;

    if (writer->swept == 0)
        writer->sweep_began_s = now_s;
    cache_table_sweep(&writer->table, writer->swept, count, &writer->options.lifetimes, now_s,
                      &writer->use);
    writer->swept += count;
    if (writer->swept < writer->bucket_count)
        return;
    cache_table_stamp(&writer->table, writer->sweep_began_s);
    writer->swept = 0;
}

void cache_writer_refresh(struct cache_writer *writer, int64_t now_s)
{
    look_at_file(writer, now_s);
    sweep(writer, now_s);
}

/* ---- findings ---- */

uint64_t cache_writer_key(const struct cache_writer *writer, const struct target *target,
                          const struct object *object, struct cache_hash *hash)
{
    return cache_key(&writer->table, target, object, hash);
}

enum holding cache_writer_look(struct cache_writer *writer, uint64_t key, int64_t now_s)
{
    return cache_table_look(&writer->table, key, &writer->options.lifetimes, now_s);
}

void cache_writer_add(struct cache_writer *writer, uint64_t key, enum holding kind, int64_t now_s)
{
    enum cache_stored stored = cache_table_store(&writer->table, key, kind,
                                                 &writer->options.lifetimes, now_s, &writer->use);

    writer->counts.evicted += stored == CACHE_STORED_INSTEAD;
    writer->counts.lost += stored == CACHE_NOT_STORED;
}

void cache_writer_forget(struct cache_writer *writer, const struct target *target)
{
    cache_table_forget(&writer->table, target);
}

void cache_writer_clear_entry(struct cache_writer *writer, uint64_t key)
{
    cache_table_clear_entry(&writer->table, key, &writer->use);
}

struct cache_counts cache_writer_counts(const struct cache_writer *writer)
{
    struct cache_counts counts = writer->counts;

    counts.present = writer->use.present;
    counts.absent = writer->use.absent;
    counts.slots = (uint64_t)writer->bucket_count * CACHE_SLOTS;
    return counts;
}
