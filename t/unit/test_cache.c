/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: what is written is read, by others too, and nothing else ever is. */
#include "config.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cache.h"
#include "cache_write.h"
#include "tap.h"

#ifndef HAVE_LMDB
int main(void)
{
    struct target target = {.id = 1};
    struct object object = {.digest = SLICE("sha256:")};
    struct cache *cache = cache_open(&(struct state){.name = ".", .fd = -1}, NULL, NULL);

    cmp_ok(cache_look(cache, &target, 0, &object, 1), ==, HOLDING_UNKNOWN,
           "without LMDB nothing is known");
    cache_close(cache);
    return done_testing();
}
#else

enum { NOW = 1700000000, DAY = 86400, MB = 1024 * 1024 };

static char folder[] = "/tmp/signpost-cache-XXXXXX";
static char cache_file[64];
static struct state state;

static char last_said[512];
static int times_said;

static void hear(void *context, const char *text)
{
    (void)context;
    snprintf(last_said, sizeof last_said, "%s", text);
    times_said++;
}

static const struct target upstreams[] = {
    {.kind = TARGET_UPSTREAM, .id = 11, .name = "eu"},
    {.kind = TARGET_UPSTREAM, .id = 12, .name = "us"},
};
static const struct target bucket = {.kind = TARGET_BUCKET, .id = 21, .name = "cdn"};

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* The n-th object; its digest starts like that of all others if alike. */
struct sample {
    char name[32], digest[80];
    struct object object;
};

static struct object *sample(struct sample *s, unsigned n)
{
    snprintf(s->name, sizeof s->name, "team/app%u", n % 100);
    snprintf(s->digest, sizeof s->digest, "sha256:%08x%056x", n * 2654435761u, n);
    s->object = (struct object){ENDPOINT_BLOBS, slice_of(s->name), slice_of(s->digest)};
    return &s->object;
}

static struct cache_writer *writer_of(size_t map_size, bool unsynced)
{
    struct cache_writer_options options = {
        .state = &state, .map_size = map_size, .unsynced = unsynced, .log = hear};
    return cache_writer_open(&options, NOW);
}

static void add(struct cache_writer *writer, const struct target *target,
                const struct object *object, enum holding kind, int64_t now_s, uint32_t lifetime_s)
{
    struct cache_key key = cache_key(cache_writer_secret(writer), target, 0, object);

    cache_writer_add(writer, &key, kind, now_s, lifetime_s);
}

static enum holding look_writer(struct cache_writer *writer, const struct target *target,
                                const struct object *object, int64_t now_s)
{
    struct cache_key key = cache_key(cache_writer_secret(writer), target, 0, object);

    return cache_writer_look(writer, &key, now_s);
}

static void start_over(void)
{
    unlink(cache_file);
    times_said = 0;
    last_said[0] = '\0';
}

static void test_siphash(void)
{
    uint8_t key[SIPHASH_KEY_SIZE];
    char bytes[15];

    for (int i = 0; i < SIPHASH_KEY_SIZE; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < 15; i++)
        bytes[i] = (char)i;
    ok(siphash(key, (struct slice){bytes, 15}) == UINT64_C(0xa129ca6149be45e5),
       "SipHash-2-4 gives what its authors' paper says");
    ok(siphash(key, (struct slice){bytes, 0}) == UINT64_C(0x726fdb47dd0e0e31), "and for nothing");
}

static void test_both_sides(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(16 * MB, false);
    struct cache *cache = cache_open(&state, hear, NULL);
    const struct target *eu = &upstreams[0], *us = &upstreams[1];

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    add(writer, us, sample(&s, 1), HOLDING_ABSENT, NOW, 60);
    cmp_ok(look_writer(writer, eu, sample(&s, 1), NOW), ==, HOLDING_PRESENT,
           "the writer knows at once");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 1), NOW), ==, HOLDING_UNKNOWN,
           "others do not before the commit");
    ok(cache_writer_commit(writer, NOW), "a commit");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 1), NOW), ==, HOLDING_PRESENT, "present");
    cmp_ok(cache_look(cache, us, 0, sample(&s, 1), NOW), ==, HOLDING_ABSENT, "absent");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 2), NOW), ==, HOLDING_UNKNOWN, "another object");
    s.object.endpoint = ENDPOINT_MANIFESTS;
    sample(&s, 1)->endpoint = ENDPOINT_MANIFESTS;
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "a manifest is no blob, though the digest is the same");
    sample(&s, 1)->name = SLICE("team/other");
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "another repository of the same upstream");
    s.digest[70] = 'f'; /* the last of its digits */
    s.object.name = slice_of(s.name);
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "another digest that starts like it");

    add(writer, &bucket, sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    cache_writer_commit(writer, NOW);
    sample(&s, 1)->name = SLICE("quite/another");
    cmp_ok(cache_look(cache, &bucket, 0, &s.object, NOW), ==, HOLDING_PRESENT,
           "a bucket's objects have no repository");

    add(writer, us, sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, us, 0, sample(&s, 1), NOW), ==, HOLDING_PRESENT,
           "present takes the place of absent");
    add(writer, us, sample(&s, 1), HOLDING_ABSENT, NOW, 60);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, us, 0, sample(&s, 1), NOW), ==, HOLDING_ABSENT, "and the other way");
    struct cache_counts counts = cache_writer_counts(writer);
    cmp_ok(counts.present, ==, 2, "two entries are of things present");
    cmp_ok(counts.absent, ==, 1, "one of a thing absent");

    cache_writer_close(writer, NOW);
    writer = writer_of(16 * MB, false);
    cmp_ok(look_writer(writer, eu, sample(&s, 1), NOW), ==, HOLDING_PRESENT,
           "another writer finds them again");
    counts = cache_writer_counts(writer);
    cmp_ok(counts.present, ==, 2, "and their number");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 1), NOW), ==, HOLDING_PRESENT,
           "the reader does not mind");
    cache_writer_close(writer, NOW);
    cache_close(cache);
    cmp_ok(times_said, ==, 0, "nothing was complained of");
}

static void test_time(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(16 * MB, false);
    struct cache *cache = cache_open(&state, hear, NULL);
    const struct target *eu = &upstreams[0];

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW, 100);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW + 99), ==, HOLDING_PRESENT,
           "within its lifetime");
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW + 100), ==, HOLDING_UNKNOWN, "and after it");
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW - 2), ==, HOLDING_PRESENT,
           "a clock may be read a little late");
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW - 3), ==, HOLDING_UNKNOWN,
           "an entry from the future has expired");
    cmp_ok(look_writer(writer, eu, &s.object, NOW - 3), ==, HOLDING_UNKNOWN, "for the writer, too");
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW), ==, HOLDING_PRESENT,
           "and counts again when the clock is right");
    cache_close(cache);
    cache_writer_close(writer, NOW);
}

/* How many of the first n objects a reader finds to be of a kind. */
static unsigned count_known(struct cache *cache, const struct target *target, unsigned n,
                            enum holding kind)
{
    struct sample s;
    unsigned found = 0;

    for (unsigned i = 0; i < n; i++)
        found += cache_look(cache, target, 0, sample(&s, i), NOW) == kind;
    return found;
}

static void fill(struct cache_writer *writer, const struct target *target, unsigned n,
                 enum holding kind)
{
    struct sample s;

    for (unsigned i = 0; i < n; i++) {
        add(writer, target, sample(&s, i), kind, NOW, DAY);
        if (cache_writer_waiting(writer) == 1000)
            cache_writer_commit(writer, NOW);
    }
    cache_writer_commit(writer, NOW);
}

static void test_many(void)
{
    enum { MANY = 100000 };
    struct cache_writer *writer = writer_of(64 * MB, true);
    struct cache *cache = cache_open(&state, hear, NULL);

    fill(writer, &upstreams[0], MANY, HOLDING_PRESENT);
    fill(writer, &upstreams[1], 10000, HOLDING_ABSENT);
    struct cache_counts counts = cache_writer_counts(writer);
    cmp_ok(counts.present, ==, MANY, "100,000 entries");
    cmp_ok(counts.evicted, ==, 0, "none is evicted while there is room");
    cmp_ok(count_known(cache, &upstreams[0], MANY, HOLDING_PRESENT), ==, MANY, "all are found");
    cmp_ok(count_known(cache, &upstreams[1], MANY, HOLDING_ABSENT), ==, 10000,
           "and those absent, and no others");
    cmp_ok(count_known(cache, &upstreams[1], MANY, HOLDING_PRESENT), ==, 0,
           "none is taken for another");
    struct stat status;
    stat(cache_file, &status);
    diag("%lld bytes for %llu entries: %.0f each", (long long)status.st_size,
         (unsigned long long)(counts.present + counts.absent),
         (double)status.st_size / (double)(counts.present + counts.absent));
    cache_close(cache);
    cache_writer_close(writer, NOW);
}

static void test_quotas(void)
{
    enum { MAP = 2 * MB, SOME = 3000, FLOOD = 60000 };
    struct cache_writer *writer = writer_of(MAP, true);
    struct cache *cache = cache_open(&state, hear, NULL);
    struct cache_counts counts;
    struct stat status;

    fill(writer, &upstreams[0], SOME, HOLDING_PRESENT);
    fill(writer, &upstreams[1], FLOOD, HOLDING_ABSENT);
    counts = cache_writer_counts(writer);
    cmp_ok(counts.present, ==, SOME, "a flood of absent ones pushes out no present one");
    cmp_ok(count_known(cache, &upstreams[0], SOME, HOLDING_PRESENT), ==, SOME, "… as is read");
    cmp_ok(counts.absent, >, 500, "it keeps what it has room for");
    cmp_ok(counts.pages * counts.absent / (counts.present + counts.absent), <=,
           counts.page_limit / 4 + 2, "a quarter of the room");
    uint64_t absent = counts.absent;

    fill(writer, &bucket, FLOOD, HOLDING_PRESENT);
    counts = cache_writer_counts(writer);
    cmp_ok(counts.absent, ==, absent, "a flood of present ones pushes out no absent one");
    cmp_ok(counts.pages, <=, counts.page_limit * 21 / 20, "80 %% of the map are not gone beyond");
    cmp_ok(counts.pages, >, counts.page_limit * 3 / 4, "but used");
    stat(cache_file, &status);
    cmp_ok(status.st_size, <=, MAP, "nor is the map's size");
    cmp_ok(counts.lost, ==, 0, "nothing could not be written");
    cmp_ok(times_said, ==, 0, "nothing was complained of");
    cache_close(cache);
    cache_writer_close(writer, NOW);
}

static void test_eviction_order(void)
{
    enum { MAP = MB, OLD = 1500, NEW = 30000 };
    struct cache_writer *writer = writer_of(MAP, true);
    struct cache *cache = cache_open(&state, hear, NULL);
    struct sample s;

    for (unsigned i = 0; i < OLD; i++)
        add(writer, &upstreams[0], sample(&s, i), HOLDING_PRESENT, NOW - 100, 50);
    cache_writer_commit(writer, NOW);
    for (unsigned i = 0; i < OLD; i++)
        add(writer, &upstreams[1], sample(&s, i), HOLDING_PRESENT, NOW - 10, DAY);
    cache_writer_commit(writer, NOW);
    fill(writer, &bucket, NEW, HOLDING_PRESENT);
    struct cache_counts counts = cache_writer_counts(writer);
    unsigned old = count_known(cache, &upstreams[1], OLD, HOLDING_PRESENT);
    unsigned new = count_known(cache, &bucket, NEW, HOLDING_PRESENT);
    cmp_ok(old, <, OLD / 20, "the oldest ones go first");
    cmp_ok(new, >, counts.present * 9 / 10, "newer ones stay (%u of %llu entries)", new,
           (unsigned long long)counts.present);
    cache_close(cache);
    cache_writer_close(writer, NOW);
}

/* ---- a disk that takes its time ---- */

static atomic_bool disk_stands_still;

/* LMDB's commits call this one. */
int fdatasync(int fd)
{
    while (disk_stands_still)
        pause_us(1000);
    return (int)syscall(SYS_fdatasync, fd);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    return poll(&wanted, 1, timeout_ms) == 1;
}

static void test_slow_disk(void)
{
    struct cache_writer *writer = writer_of(16 * MB, false);
    struct cache *cache = cache_open(&state, hear, NULL);
    const struct target *eu = &upstreams[0];
    struct sample s;

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    cache_writer_close(writer, NOW);
    writer = writer_of(16 * MB, false); /* which knows it by the file alone */
    disk_stands_still = true;
    add(writer, eu, sample(&s, 2), HOLDING_ABSENT, NOW, DAY);
    cache_writer_begin_commit(writer, NOW);
    ok(cache_writer_is_committing(writer), "a commit that waits for the disk");
    ok(!is_readable(cache_writer_fd(writer), 0), "is not done");
    cmp_ok(look_writer(writer, eu, sample(&s, 1), NOW), ==, HOLDING_PRESENT,
           "meanwhile the writer knows what is in the file,");
    cmp_ok(look_writer(writer, eu, sample(&s, 2), NOW), ==, HOLDING_ABSENT,
           "what is being written");
    add(writer, eu, sample(&s, 3), HOLDING_PRESENT, NOW, DAY);
    cmp_ok(look_writer(writer, eu, &s.object, NOW), ==, HOLDING_PRESENT, "and what comes in");
    cmp_ok(cache_writer_waiting(writer), ==, 1, "for the next commit");
    cmp_ok(cache_writer_counts(writer).present, ==, 1, "its counts are those before");
    disk_stands_still = false;
    ok(is_readable(cache_writer_fd(writer), 10000), "the disk goes on: the commit is done");
    ok(cache_writer_end_commit(writer, NOW), "and ended");
    ok(!is_readable(cache_writer_fd(writer), 0), "which is told once");
    cmp_ok(cache_writer_counts(writer).absent, ==, 1, "it counts");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 2), NOW), ==, HOLDING_ABSENT, "others know of it,");
    cmp_ok(cache_look(cache, eu, 0, sample(&s, 3), NOW), ==, HOLDING_UNKNOWN, "not of the next,");
    cache_writer_begin_commit(writer, NOW);
    cache_writer_close(writer, NOW);
    cmp_ok(cache_look(cache, eu, 0, &s.object, NOW + 1), ==, HOLDING_PRESENT,
           "for whose end it waits when it closes");
    cache_close(cache);
}

static void put_bytes(const char *bytes, size_t size)
{
    int fd = open(cache_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

static void test_foreign(void)
{
    static char noise[64 * 1024];
    struct sample s;
    struct cache *cache = cache_open(&state, hear, NULL);

    memset(noise, 'x', sizeof noise);
    put_bytes(noise, sizeof noise);
    cmp_ok(cache_look(cache, &upstreams[0], 0, sample(&s, 1), NOW), ==, HOLDING_UNKNOWN,
           "a foreign file knows nothing");
    like(last_said, "is damaged or none of signpost's", "and is complained of");
    for (int i = 1; i < 10; i++)
        cache_look(cache, &upstreams[0], 0, &s.object, NOW + i);
    cmp_ok(times_said, ==, 1, "once");
    struct cache_writer *writer = writer_of(4 * MB, true);
    like(last_said, "a new one was begun", "the writer takes another");
    add(writer, &upstreams[0], &s.object, HOLDING_PRESENT, NOW, DAY);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 20), ==, HOLDING_PRESENT,
           "which is read without a restart");
    cache_writer_close(writer, NOW);

    put_bytes("", 0);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 21), ==, HOLDING_UNKNOWN,
           "an empty file, written over the one that is mapped, knows nothing");
    unlink(cache_file);
    mkdir(cache_file, 0700);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 22), ==, HOLDING_UNKNOWN,
           "nor does a directory");
    rmdir(cache_file);
    if (symlink("/etc/passwd", cache_file) < 0)
        abort();
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 23), ==, HOLDING_UNKNOWN,
           "nor a symbolic link");
    unlink(cache_file);
    cache_close(cache);
}

static void test_other_version(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(4 * MB, true);
    static char bytes[256 * 1024];

    add(writer, &upstreams[0], sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    cache_writer_close(writer, NOW);
    int fd = open(cache_file, O_RDWR);
    ssize_t size = read(fd, bytes, sizeof bytes);
    uint32_t about[] = {CACHE_VERSION, CACHE_KEY_SIZE}, other = CACHE_VERSION + 1;
    int changed = 0;
    for (char *at = bytes; (at = memmem(at, (size_t)(bytes + size - at), about, sizeof about));
         at++, changed++)
        if (pwrite(fd, &other, sizeof other, at - bytes) != sizeof other)
            abort();
    close(fd);
    cmp_ok(changed, >, 0, "the version is in the file");
    struct cache *cache = cache_open(&state, hear, NULL);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "another version knows nothing");
    like(last_said, "is of another version", "and is complained of");
    writer = writer_of(4 * MB, true);
    like(last_said, "a new one was begun", "the writer takes another");
    cache_writer_close(writer, NOW);
    cache_close(cache);
}

static void test_cut_short(void)
{
    struct sample s;
    unsigned known = 0, wrong = 0;

    /* Cut at every place, while it is mapped by a reader and by the writer. */
    for (off_t size = 0; size < 40 * 4096; size += 3 * 4096 + 1000) {
        start_over();
        struct cache_writer *writer = writer_of(4 * MB, true);
        struct cache *cache = cache_open(&state, hear, NULL);
        fill(writer, &upstreams[0], 2000, HOLDING_PRESENT);
        cache_look(cache, &upstreams[0], 0, sample(&s, 1), NOW);
        if (truncate(cache_file, size) < 0)
            abort();
        known += count_known(cache, &upstreams[0], 2000, HOLDING_PRESENT);
        wrong += count_known(cache, &upstreams[0], 2000, HOLDING_ABSENT);
        add(writer, &upstreams[1], sample(&s, 5), HOLDING_PRESENT, NOW, DAY);
        cache_writer_commit(writer, NOW);
        add(writer, &upstreams[1], sample(&s, 5), HOLDING_PRESENT, NOW, DAY);
        cache_writer_commit(writer, NOW);
        cmp_ok(cache_look(cache, &upstreams[1], 0, sample(&s, 5), NOW + 1), ==, HOLDING_PRESENT,
               "cut at %lld: a new file is begun, and read", (long long)size);
        cache_close(cache);
        cache_writer_close(writer, NOW);
    }
    cmp_ok(wrong, ==, 0, "no wrong answer (%u right ones)", known);
}

/* valgrind takes it for an error when LMDB is led astray, though it is caught. */
static bool is_watched(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

/* Like the file's length, its pages cannot be relied on. */
static void test_overwritten(void)
{
    char noise[4096];
    unsigned known = 0, wrong = 0, lost = 0, rebuilt = 0, tries = 0;
    uint32_t dice = 12345;
    struct stat status;
    struct sample s;

    if (is_watched()) {
        skip(3, "not under valgrind");
        return;
    }
    for (int page = 0; page < 60; page++) {
        start_over();
        struct cache_writer *writer = writer_of(4 * MB, true);
        fill(writer, &upstreams[0], 2000, HOLDING_PRESENT);
        cache_writer_close(writer, NOW);
        stat(cache_file, &status);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (char)((dice = dice * 1664525 + 1013904223) >> 24);
        struct cache *cache = cache_open(&state, hear, NULL);
        if (page % 2) /* while it is mapped */
            known += cache_look(cache, &upstreams[0], 0, sample(&s, 1), NOW) == HOLDING_PRESENT;
        int fd = open(cache_file, O_WRONLY);
        off_t at = page / 2 % (status.st_size / 4096) * 4096;
        if (pwrite(fd, noise, sizeof noise, at) != sizeof noise)
            abort();
        close(fd);
        known += count_known(cache, &upstreams[0], 2000, HOLDING_PRESENT);
        wrong += count_known(cache, &upstreams[0], 2000, HOLDING_ABSENT);
        wrong += count_known(cache, &upstreams[1], 2000, HOLDING_PRESENT);
        writer = writer_of(4 * MB, true);
        rebuilt += cache_writer_counts(writer).rebuilt > 0;
        tries++;
        add(writer, &upstreams[1], sample(&s, 5), HOLDING_PRESENT, NOW, DAY);
        cache_writer_commit(writer, NOW);
        add(writer, &upstreams[1], sample(&s, 5), HOLDING_PRESENT, NOW, DAY);
        cache_writer_commit(writer, NOW);
        lost += cache_look(cache, &upstreams[1], 0, sample(&s, 5), NOW + 1) != HOLDING_PRESENT;
        cache_close(cache);
        cache_writer_close(writer, NOW);
    }
    cmp_ok(wrong, ==, 0, "noise in any page: no wrong answer (%u right ones)", known);
    cmp_ok(lost, ==, 0, "and the file goes on, or another one");
    cmp_ok(rebuilt, >, tries / 4,
           "%u of %u files were begun anew; in the others it was a free page", rebuilt, tries);
}

static void test_deleted(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(4 * MB, true);
    struct cache *cache = cache_open(&state, hear, NULL);

    add(writer, &upstreams[0], sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW), ==, HOLDING_PRESENT, "known");
    unlink(cache_file);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW), ==, HOLDING_PRESENT,
           "still, within the second");
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 1), ==, HOLDING_UNKNOWN,
           "a cache that is deleted is no longer believed");
    cache_writer_commit(writer, NOW);
    cmp_ok(look_writer(writer, &upstreams[0], &s.object, NOW + 1), ==, HOLDING_UNKNOWN,
           "nor by the writer");
    add(writer, &upstreams[0], &s.object, HOLDING_ABSENT, NOW, DAY);
    cache_writer_commit(writer, NOW);
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW + 2), ==, HOLDING_ABSENT,
           "which begins another");
    cache_close(cache);
    cache_writer_close(writer, NOW);
}

static void test_no_directory(void)
{
    struct sample s;
    char path[] = "/tmp/signpost-cache-XXXXXX";
    struct state gone;
    struct cache_writer_options options = {.state = &gone, .map_size = MB, .log = hear};
    if (!mkdtemp(path))
        diag("%s cannot be made", path);
    state_begin(&gone, path);
    rmdir(path);
    struct cache_writer *writer = cache_writer_open(&options, NOW);
    struct cache *cache = cache_open(&gone, hear, NULL);

    ok(writer != NULL, "a writer without a file");
    like(last_said, "cannot be made", "says so");
    add(writer, &upstreams[0], sample(&s, 1), HOLDING_PRESENT, NOW, DAY);
    ok(!cache_writer_commit(writer, NOW), "it cannot commit");
    cmp_ok(look_writer(writer, &upstreams[0], &s.object, NOW), ==, HOLDING_PRESENT,
           "but remembers");
    cmp_ok(cache_look(cache, &upstreams[0], 0, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "a reader knows nothing");
    for (int i = 0; i < 100; i++) {
        add(writer, &upstreams[0], &s.object, HOLDING_PRESENT, NOW, DAY);
        cache_writer_commit(writer, NOW + i);
    }
    cmp_ok(times_said, ==, 1, "and says nothing more");
    cache_close(cache);
    cache_writer_close(writer, NOW);
    state_end(&gone);
}

/* ---- processes that are killed ---- */

static volatile unsigned *commits; /* of all writers; shared with the children */

/* Objects with even numbers are present, odd ones absent; all else is a lie. */
static void write_for_ever(void)
{
    struct cache_writer *writer = writer_of(4 * MB, true);
    struct sample s;

    for (unsigned i = (unsigned)getpid();; i++) {
        unsigned n = i * 7919 % 20000;
        add(writer, &upstreams[0], sample(&s, n), n % 2 ? HOLDING_ABSENT : HOLDING_PRESENT, NOW,
            DAY);
        if (cache_writer_waiting(writer) < 20)
            continue;
        cache_writer_commit(writer, NOW);
        ++*commits;
    }
}

static unsigned lies(struct cache *cache, unsigned *known, int64_t now_s)
{
    struct sample s;
    unsigned wrong = 0;

    for (unsigned n = 0; n < 20000; n++) {
        enum holding holding = cache_look(cache, &upstreams[0], 0, sample(&s, n), now_s);
        *known += holding != HOLDING_UNKNOWN;
        wrong += holding == (n % 2 ? HOLDING_PRESENT : HOLDING_ABSENT);
    }
    return wrong;
}

static void read_for_ever(void)
{
    struct cache *cache = cache_open(&state, hear, NULL);
    unsigned known = 0;

    for (;;)
        if (lies(cache, &known, NOW) > 0)
            _exit(9);
}

static pid_t start_child(void (*work)(void))
{
    pid_t child = fork();

    if (child == 0) {
        alarm(60);
        work();
        _exit(0);
    }
    return child;
}

/* Until a writer is at work, however slow the disk is. */
static void await_commit(unsigned before)
{
    for (int i = 0; i < 20000 && *commits == before; i++)
        pause_us(1000);
}

/* Kills it; true if it was still alive then. */
static bool kill_child(pid_t child)
{
    int status = 0;

    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_killed(void)
{
    enum { WRITERS = 100, READERS = 200 };
    struct cache *cache = cache_open(&state, hear, NULL);
    unsigned wrong = 0, known = 0, alive = 0;

    commits =
        mmap(NULL, sizeof *commits, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        unsigned before = *commits;
        pid_t writer = start_child(write_for_ever);
        pid_t reader = start_child(read_for_ever);
        pid_t second = start_child(read_for_ever);
        if (i % 4)
            await_commit(before); /* else it is killed while it opens the file */
        pause_us(i * 137 % 9000);
        alive += kill_child(reader);
        alive += kill_child(writer);
        alive += kill_child(second);
        wrong += lies(cache, &known, NOW + i);
    }
    cmp_ok(alive, ==, WRITERS + READERS, "all were killed at work, and none had seen a lie");
    cmp_ok(wrong, ==, 0, "no wrong answer after %d writers and %d readers were killed", WRITERS,
           READERS);
    cmp_ok(known, >, 10000, "and many right ones (%u)", known);
    struct cache_writer *writer = writer_of(4 * MB, true);
    struct sample s;
    add(writer, &upstreams[1], sample(&s, 77), HOLDING_PRESENT, NOW, DAY);
    ok(cache_writer_commit(writer, NOW), "another writer goes on");
    cmp_ok(times_said, ==, 0, "with the same file");
    cache_writer_close(writer, NOW);
    cmp_ok(cache_look(cache, &upstreams[1], 0, &s.object, NOW), ==, HOLDING_PRESENT,
           "and the reader, too");
    cache_close(cache);
}

int main(void)
{
    void (*const tests[])(void) = {
        test_siphash,   test_both_sides,     test_time,    test_many,
        test_quotas,    test_eviction_order, test_foreign, test_other_version,
        test_cut_short, test_overwritten,    test_deleted, test_no_directory,
        test_killed,    test_slow_disk,
    };

    if (mkdtemp(folder))
        state_begin(&state, folder);
    else
        return 1;
    snprintf(cache_file, sizeof cache_file, "%s/cache.mdb", folder);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        start_over();
        tests[i]();
    }
    unlink(cache_file);
    cmp_ok(rmdir(folder), ==, 0, "nothing else was left behind");
    return done_testing();
}
#endif
