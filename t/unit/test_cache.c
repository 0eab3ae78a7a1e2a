/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: what is written is read, by others too, and nothing else ever is. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "state/cache.h"
#include "state/cache_write.h"
#include "tap.h"

enum { NOW = 1700000000, DAY = 86400, MB = 1024 * 1024, PRESENT_S = 7 * DAY, ABSENT_S = 600 };

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
static const struct target *const eu = &upstreams[0], *const us = &upstreams[1];
static const struct target bucket = {.kind = TARGET_BUCKET, .id = 21, .name = "cdn"};

static void pause_us(long time_us)
{
    nanosleep(&(struct timespec){.tv_nsec = time_us * 1000}, NULL);
}

struct sample {
    char name[32], digest[80];
    struct object object;
};

/* The n-th object. */
static struct object *sample(struct sample *s, unsigned n)
{
    snprintf(s->name, sizeof s->name, "team/app%u", n % 100);
    snprintf(s->digest, sizeof s->digest, "sha256:%08x%056x", n * 2654435761u, n);
    s->object = (struct object){ENDPOINT_BLOBS, slice_of(s->name), slice_of(s->digest)};
    return &s->object;
}

static struct cache_writer *writer_in(const struct state *where, size_t size, int64_t now_s)
{
    struct cache_writer_options options = {.state = where,
                                           .size = size,
                                           .lifetimes = cache_lifetimes_of(PRESENT_S, ABSENT_S),
                                           .log = hear};
    return cache_writer_open(&options, now_s);
}

static struct cache_writer *writer_of(size_t size)
{
    return writer_in(&state, size, NOW);
}

static struct cache *reader(void)
{
    return cache_open(&state, cache_lifetimes_of(PRESENT_S, ABSENT_S), hear, NULL);
}

static uint64_t key_of(const struct cache_writer *writer, const struct target *target,
                       const struct object *object)
{
    struct cache_hash hash = {0};

    return cache_writer_key(writer, target, object, &hash);
}

static void add(struct cache_writer *writer, const struct target *target,
                const struct object *object, enum holding kind, int64_t now_s)
{
    cache_writer_add(writer, key_of(writer, target, object), kind, now_s);
}

static enum holding look_writer(struct cache_writer *writer, const struct target *target,
                                const struct object *object, int64_t now_s)
{
    return cache_writer_look(writer, key_of(writer, target, object), now_s);
}

static enum holding look(struct cache *cache, const struct target *target,
                         const struct object *object, int64_t now_s)
{
    struct cache_hash hash = {0};

    return cache_look(cache, target, object, &hash, now_s);
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
    struct sample s, other;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    add(writer, us, &s.object, HOLDING_ABSENT, NOW);
    cmp_ok(look_writer(writer, eu, &s.object, NOW), ==, HOLDING_PRESENT, "the writer knows it");
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_PRESENT, "and readers, at once");
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_ABSENT, "absent");
    cmp_ok(look(cache, eu, sample(&other, 2), NOW), ==, HOLDING_UNKNOWN, "another object");
    sample(&other, 1)->endpoint = ENDPOINT_MANIFESTS;
    cmp_ok(look(cache, eu, &other.object, NOW), ==, HOLDING_UNKNOWN,
           "a manifest is no blob, though the digest is the same");
    sample(&other, 1)->name = SLICE("team/other");
    cmp_ok(look(cache, eu, &other.object, NOW), ==, HOLDING_UNKNOWN,
           "another repository of the same upstream");
    sample(&other, 1);
    other.digest[70] = 'f'; /* the last of its digits */
    cmp_ok(look(cache, eu, &other.object, NOW), ==, HOLDING_UNKNOWN,
           "another digest that starts like it");

    add(writer, &bucket, &s.object, HOLDING_PRESENT, NOW);
    sample(&other, 1)->name = SLICE("quite/another");
    cmp_ok(look(cache, &bucket, &other.object, NOW), ==, HOLDING_PRESENT,
           "a bucket's objects have no repository");

    add(writer, us, &s.object, HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_PRESENT, "present replaces absent");
    add(writer, us, &s.object, HOLDING_ABSENT, NOW);
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_ABSENT, "and the other way");
    struct cache_counts counts = cache_writer_counts(writer);
    cmp_ok(counts.present, ==, 2, "two entries are of things present");
    cmp_ok(counts.absent, ==, 1, "one of a thing absent");

    cache_writer_close(writer);
    writer = writer_of(MB);
    cmp_ok(look_writer(writer, eu, &s.object, NOW), ==, HOLDING_PRESENT,
           "another writer finds them again");
    cmp_ok(cache_writer_counts(writer).present, ==, 2, "and their number");
    cmp_ok(look(cache, eu, &s.object, NOW + 1), ==, HOLDING_PRESENT, "the reader still does");
    cache_writer_close(writer);
    cache_close(cache);
    cmp_ok(times_said, ==, 0, "nothing was complained of");
    cmp_ok(look(NULL, eu, &s.object, NOW), ==, HOLDING_UNKNOWN, "no cache knows nothing");
}

static void test_one_hash(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();
    struct cache_hash hash = {0};

    add(writer, eu, sample(&s, 1), HOLDING_ABSENT, NOW);
    add(writer, &bucket, &s.object, HOLDING_PRESENT, NOW);
    cmp_ok(cache_look(cache, &bucket, &s.object, &hash, NOW), ==, HOLDING_PRESENT, "a bucket");
    cmp_ok(cache_look(cache, eu, &s.object, &hash, NOW), ==, HOLDING_ABSENT,
           "then an upstream, by the same hash");
    ok(hash.is_set, "which is made once");
    cmp_ok(cache_look(cache, us, &s.object, &hash, NOW), ==, HOLDING_UNKNOWN, "and another");
    cache_close(cache);
    cache_writer_close(writer);
}

static void test_time(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();
    int64_t minute = NOW / 60 * 60; /* when it begins */

    add(writer, eu, sample(&s, 1), HOLDING_ABSENT, minute);
    cmp_ok(look(cache, eu, &s.object, minute + ABSENT_S - 1), ==, HOLDING_ABSENT,
           "within its lifetime");
    cmp_ok(look(cache, eu, &s.object, minute + ABSENT_S), ==, HOLDING_UNKNOWN, "and after it");
    cmp_ok(look_writer(writer, eu, &s.object, minute + ABSENT_S), ==, HOLDING_UNKNOWN,
           "for the writer, too");
    cmp_ok(look(cache, eu, &s.object, minute - 60), ==, HOLDING_ABSENT,
           "a clock may be read a little late");
    cmp_ok(look(cache, eu, &s.object, minute - 61), ==, HOLDING_UNKNOWN,
           "an entry from the future is not believed");
    cmp_ok(look(cache, eu, &s.object, minute), ==, HOLDING_ABSENT,
           "and counts again when the clock is right");

    add(writer, us, &s.object, HOLDING_PRESENT, minute);
    cmp_ok(look_writer(writer, us, &s.object, minute + PRESENT_S - 1), ==, HOLDING_PRESENT,
           "what is present has a lifetime of its own");
    cmp_ok(look_writer(writer, us, &s.object, minute + PRESENT_S), ==, HOLDING_UNKNOWN,
           "which ends");
    cache_writer_configure(writer, cache_lifetimes_of(1000 * DAY, 1));
    cmp_ok(look_writer(writer, us, &s.object, minute + 180 * DAY - 60), ==, HOLDING_PRESENT,
           "180 days at most");
    cmp_ok(look_writer(writer, us, &s.object, minute + 180 * DAY), ==, HOLDING_UNKNOWN,
           "whatever is configured");
    cmp_ok(look_writer(writer, eu, &s.object, minute + 59), ==, HOLDING_ABSENT,
           "a second is a minute");
    cmp_ok(look_writer(writer, eu, &s.object, minute + 60), ==, HOLDING_UNKNOWN, "and no more");
    cache_close(cache);
    cache_writer_close(writer);
}

/* Each second for so long. */
static void refresh(struct cache_writer *writer, int64_t from_s, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++)
        cache_writer_refresh(writer, from_s + i);
}

static void test_sweep(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    add(writer, eu, sample(&s, 1), HOLDING_ABSENT, NOW);
    add(writer, eu, sample(&s, 2), HOLDING_PRESENT, NOW);
    add(writer, eu, sample(&s, 3), HOLDING_PRESENT, NOW + 2 * DAY);
    refresh(writer, NOW, 3600);
    cmp_ok(cache_writer_counts(writer).present, ==, 1, "what is from days ahead is swept away");
    refresh(writer, NOW + 3600, 3600);
    cmp_ok(cache_writer_counts(writer).absent, ==, 0, "what has expired goes within an hour");
    sample(&s, 2);
    cmp_ok(look(cache, eu, &s.object, NOW + 6 * DAY), ==, HOLDING_PRESENT, "six days later");
    cache_writer_configure(writer, cache_lifetimes_of(30 * DAY, ABSENT_S));
    cache_close(cache);
    cache = cache_open(&state, cache_lifetimes_of(30 * DAY, ABSENT_S), hear, NULL);
    cmp_ok(look(cache, eu, &s.object, NOW + 8 * DAY), ==, HOLDING_UNKNOWN,
           "a table that was not swept for a week is not believed");
    refresh(writer, NOW + 8 * DAY, 7200);
    cmp_ok(look(cache, eu, &s.object, NOW + 8 * DAY + 7200), ==, HOLDING_PRESENT,
           "until it is swept");
    cache_close(cache);
    cache_writer_close(writer);
    writer = writer_in(&state, MB, NOW + 16 * DAY);
    like(last_said, "not swept for a week, so a new one was made", "a writer does not, either");
    cmp_ok(look_writer(writer, eu, &s.object, NOW + 16 * DAY), ==, HOLDING_UNKNOWN, "it is empty");
    cache_writer_close(writer);
}

static void test_clear_entry(void)
{
    struct sample s, other;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    add(writer, us, &s.object, HOLDING_ABSENT, NOW);
    add(writer, eu, sample(&other, 2), HOLDING_PRESENT, NOW);
    cache_writer_clear_entry(writer, key_of(writer, eu, &s.object));
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_UNKNOWN, "one object is forgotten");
    cmp_ok(look(cache, eu, &other.object, NOW), ==, HOLDING_PRESENT, "another one is not");
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_ABSENT, "nor is the same elsewhere");
    struct cache_counts counts = cache_writer_counts(writer);
    ok(counts.present == 1 && counts.absent == 1, "the counts are right");
    cache_writer_clear_entry(writer, key_of(writer, eu, &s.object));
    ok(cache_writer_counts(writer).present == 1, "what is not known is not counted");
    add(writer, eu, &s.object, HOLDING_ABSENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_ABSENT, "it can be found again");
    cache_close(cache);
    cache_writer_close(writer);
}

static void test_forget(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    add(writer, us, &s.object, HOLDING_PRESENT, NOW);
    uint64_t before = key_of(writer, eu, &s.object);
    cache_writer_forget(writer, eu);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_UNKNOWN, "a target is forgotten");
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_PRESENT, "another one is not");
    cache_writer_add(writer, before, HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_UNKNOWN,
           "what was asked before that comes to nothing");
    cache_writer_close(writer);
    writer = writer_of(MB);
    cmp_ok(look_writer(writer, eu, &s.object, NOW), ==, HOLDING_UNKNOWN, "it stays so");
    add(writer, eu, &s.object, HOLDING_ABSENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_ABSENT, "until something new is found");
    cache_close(cache);
    cache_writer_close(writer);
}

/* How many of the first n objects a reader finds to be of a kind. */
static unsigned count_known(struct cache *cache, const struct target *target, unsigned n,
                            enum holding kind)
{
    struct sample s;
    unsigned found = 0;

    for (unsigned i = 0; i < n; i++)
        found += look(cache, target, sample(&s, i), NOW) == kind;
    return found;
}

static void fill(struct cache_writer *writer, const struct target *target, unsigned n,
                 enum holding kind, int64_t now_s)
{
    struct sample s;

    for (unsigned i = 0; i < n; i++)
        add(writer, target, sample(&s, i), kind, now_s);
}

static void test_many(void)
{
    enum { MANY = 91000 }; /* 70 % of what there is room for */
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();
    struct stat status;

    fill(writer, eu, MANY - 10000, HOLDING_PRESENT, NOW);
    fill(writer, us, 10000, HOLDING_ABSENT, NOW);
    struct cache_counts counts = cache_writer_counts(writer);
    cmp_ok(counts.slots, ==, (MB - 4096) / 8, "a slot is eight bytes");
    cmp_ok(counts.evicted + counts.lost, <=, MANY / 10000, "at 70 %% hardly one is lost");
    cmp_ok(counts.present + counts.absent + counts.evicted + counts.lost, ==, MANY, "all count");
    cmp_ok(count_known(cache, eu, MANY - 10000, HOLDING_PRESENT), ==, counts.present,
           "what is kept is found,");
    cmp_ok(count_known(cache, us, 10000, HOLDING_ABSENT), ==, counts.absent, "absent ones, too");
    cmp_ok(count_known(cache, us, MANY, HOLDING_PRESENT), ==, 0, "none is taken for another");
    stat(cache_file, &status);
    cmp_ok(status.st_size, <=, MB, "the file is as large as it may be");
    cmp_ok(status.st_blocks * 512, >=, status.st_size, "and has no holes");
    cache_close(cache);
    cache_writer_close(writer);
}

static void test_eviction(void)
{
    enum { SOME = 20000, FLOOD = 400000, SLOTS = (MB - 4096) / 8 };
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    fill(writer, eu, SOME, HOLDING_PRESENT, NOW);
    fill(writer, us, FLOOD, HOLDING_ABSENT, NOW);
    cmp_ok(count_known(cache, eu, SOME, HOLDING_PRESENT), ==, SOME,
           "a flood of absent ones pushes out no present one");
    cmp_ok(cache_writer_counts(writer).absent, >, SLOTS / 2, "but takes the rest");
    fill(writer, &bucket, FLOOD, HOLDING_PRESENT, NOW);
    cmp_ok(cache_writer_counts(writer).absent, ==, 0, "present ones push out all absent ones,");
    cmp_ok(cache_writer_counts(writer).present, ==, SLOTS, "and fill the table");
    fill(writer, us, 1000, HOLDING_ABSENT, NOW);
    cmp_ok(cache_writer_counts(writer).lost, ==, 1000, "which has no place for absent ones then");

    start_over();
    cache_close(cache);
    cache = reader();
    cache_writer_refresh(writer, NOW);
    fill(writer, eu, SOME, HOLDING_PRESENT, NOW - 3600);
    fill(writer, us, SLOTS - SOME, HOLDING_PRESENT, NOW - 60);
    fill(writer, &bucket, SOME, HOLDING_PRESENT, NOW);
    cmp_ok(count_known(cache, &bucket, SOME, HOLDING_PRESENT), ==, SOME, "new ones stay");
    unsigned old = count_known(cache, eu, SOME, HOLDING_PRESENT);
    unsigned newer = count_known(cache, us, SLOTS - SOME, HOLDING_PRESENT);
    diag("%u of the %u oldest are left, %u of %u newer ones", old, SOME, newer, SLOTS - SOME);
    cmp_ok(old * 3, <, SOME, "the oldest go first");

    start_over();
    cache_writer_refresh(writer, NOW + 1);
    fill(writer, eu, 4 * SLOTS, HOLDING_PRESENT, NOW - PRESENT_S);
    uint64_t evicted = cache_writer_counts(writer).evicted;
    fill(writer, us, SLOTS / 2, HOLDING_ABSENT, NOW);
    cmp_ok(cache_writer_counts(writer).evicted, ==, evicted, "before them, what has expired");
    cache_close(cache);
    cache_writer_close(writer);
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
    struct cache *cache = reader();

    memset(noise, 'x', sizeof noise);
    put_bytes(noise, sizeof noise);
    cmp_ok(look(cache, eu, sample(&s, 1), NOW), ==, HOLDING_UNKNOWN,
           "a foreign file knows nothing");
    like(last_said, "not signpost's", "and is complained of");
    for (int i = 1; i < 10; i++)
        look(cache, eu, &s.object, NOW + i);
    cmp_ok(times_said, ==, 1, "once");
    struct cache_writer *writer = writer_of(MB);
    like(last_said, "a new one was made", "the writer takes another");
    cmp_ok(cache_writer_counts(writer).rebuilt, ==, 1, "which is counted");
    add(writer, eu, &s.object, HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW + 20), ==, HOLDING_PRESENT,
           "and is read without a restart");
    cache_writer_close(writer);

    put_bytes("", 0);
    cmp_ok(look(cache, eu, &s.object, NOW + 21), ==, HOLDING_UNKNOWN,
           "an empty file, written over the one that is mapped, knows nothing");
    unlink(cache_file);
    mkdir(cache_file, 0700);
    cmp_ok(look(cache, eu, &s.object, NOW + 22), ==, HOLDING_UNKNOWN, "nor does a directory");
    rmdir(cache_file);
    if (symlink("/etc/passwd", cache_file) < 0)
        abort();
    cmp_ok(look(cache, eu, &s.object, NOW + 23), ==, HOLDING_UNKNOWN, "nor a symbolic link");
    writer = writer_of(MB);
    add(writer, eu, &s.object, HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW + 24), ==, HOLDING_PRESENT, "the writer replaces it");
    cache_writer_close(writer);
    cache_close(cache);
}

static void test_other_size_and_version(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();
    char former[80];

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    cache_writer_close(writer);
    snprintf(former, sizeof former, "%s/cache.mdb", folder);
    close(open(former, O_WRONLY | O_CREAT, 0600));
    writer = writer_of(2 * MB);
    like(last_said, "of another size than `cache_size`", "another size is a new file");
    cmp_ok(cache_writer_counts(writer).rebuilt, ==, 0, "which is no damage");
    ok(access(former, F_OK) < 0, "the file of former versions is removed");
    cmp_ok(look(cache, eu, &s.object, NOW + 1), ==, HOLDING_UNKNOWN, "a reader sees that");
    add(writer, eu, &s.object, HOLDING_PRESENT, NOW);
    cache_writer_close(writer);

    struct cache_header header;
    int fd = open(cache_file, O_RDWR);
    if (read(fd, &header, sizeof header) != sizeof header)
        abort();
    header.version++;
    if (pwrite(fd, &header, sizeof header, 0) != sizeof header)
        abort();
    close(fd);
    times_said = 0;
    cache_close(cache);
    cache = reader();
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_UNKNOWN, "another version knows nothing");
    like(last_said, "of another version", "and is complained of");
    writer = writer_of(2 * MB);
    like(last_said, "a new one was made", "the writer takes another");
    cache_writer_close(writer);
    cache_close(cache);
}

static void test_cut_short(void)
{
    struct sample s;
    unsigned known = 0, wrong = 0;

    /* Cut at every place, while it is mapped by a reader and by the writer. */
    for (off_t size = 0; size < MB; size += 17 * 4096 + 1000) {
        start_over();
        struct cache_writer *writer = writer_of(MB);
        struct cache *cache = reader();
        fill(writer, eu, 2000, HOLDING_PRESENT, NOW);
        look(cache, eu, sample(&s, 1), NOW);
        if (truncate(cache_file, size) < 0)
            abort();
        known += count_known(cache, eu, 2000, HOLDING_PRESENT);
        wrong += count_known(cache, eu, 2000, HOLDING_ABSENT);
        fill(writer, us, 2000, HOLDING_PRESENT, NOW);
        cache_writer_refresh(writer, NOW);
        cmp_ok(cache_writer_counts(writer).rebuilt, ==, 1, "cut at %lld: a new file is made",
               (long long)size);
        add(writer, us, sample(&s, 5), HOLDING_PRESENT, NOW);
        cmp_ok(look(cache, us, sample(&s, 5), NOW + 1), ==, HOLDING_PRESENT, "and read");
        cache_close(cache);
        cache_writer_close(writer);
    }
    cmp_ok(wrong, ==, 0, "no wrong answer (%u right ones)", known);
}

/* Like the file's length, its pages cannot be relied on. */
static void test_overwritten(void)
{
    char noise[4096];
    unsigned known = 0, wrong = 0, lost = 0, rebuilt = 0;
    uint32_t dice = 12345;
    struct sample s;

    for (int page = 0; page < 20; page++) {
        start_over();
        struct cache_writer *writer = writer_of(MB);
        struct cache *cache = reader();
        fill(writer, eu, 2000, HOLDING_PRESENT, NOW);
        known += look(cache, eu, sample(&s, 1), NOW) == HOLDING_PRESENT;
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (char)((dice = dice * 1664525 + 1013904223) >> 24);
        int fd = open(cache_file, O_WRONLY);
        if (pwrite(fd, noise, sizeof noise, page * 4096) != sizeof noise)
            abort();
        close(fd);
        known += count_known(cache, eu, 2000, HOLDING_PRESENT);
        wrong += count_known(cache, eu, 2000, HOLDING_ABSENT);
        wrong += count_known(cache, us, 2000, HOLDING_PRESENT);
        cache_writer_refresh(writer, NOW);
        rebuilt += cache_writer_counts(writer).rebuilt > 0;
        fill(writer, us, 200, HOLDING_PRESENT, NOW);
        lost += look(cache, us, sample(&s, 5), NOW + 1) != HOLDING_PRESENT;
        cache_close(cache);
        cache_writer_close(writer);
    }
    cmp_ok(wrong, ==, 0, "noise in any page: no wrong answer (%u right ones)", known);
    cmp_ok(lost, ==, 0, "and the file goes on, or another one");
    cmp_ok(rebuilt, ==, 1, "which is made where the header was overwritten");
}

static void test_deleted(void)
{
    struct sample s;
    struct cache_writer *writer = writer_of(MB);
    struct cache *cache = reader();

    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_PRESENT, "known");
    unlink(cache_file);
    cmp_ok(look(cache, eu, &s.object, NOW), ==, HOLDING_PRESENT, "still, within the second");
    cmp_ok(look(cache, eu, &s.object, NOW + 1), ==, HOLDING_UNKNOWN,
           "a cache that is deleted is no longer believed");
    cache_writer_refresh(writer, NOW + 1);
    cmp_ok(look_writer(writer, eu, &s.object, NOW + 1), ==, HOLDING_UNKNOWN, "nor by the writer");
    add(writer, eu, &s.object, HOLDING_ABSENT, NOW);
    cmp_ok(look(cache, eu, &s.object, NOW + 2), ==, HOLDING_ABSENT, "which makes another");
    cmp_ok(cache_writer_counts(writer).rebuilt, ==, 0, "that is no damage");
    cmp_ok(times_said, ==, 0, "and nothing to complain of");
    cache_close(cache);
    cache_writer_close(writer);
}

static void test_no_file(void)
{
    struct sample s;
    char path[] = "/tmp/signpost-cache-XXXXXX", blocked[64];
    struct state place;

    if (!mkdtemp(path))
        abort();
    state_begin(&place, path);
    snprintf(blocked, sizeof blocked, "%s/" CACHE_FILE, path);
    mkdir(blocked, 0700); /* a directory cannot be replaced by a file */
    struct cache_writer *writer = writer_in(&place, MB, NOW);
    ok(writer != NULL, "a writer without a file");
    like(last_said, "cannot be made", "says so");
    add(writer, eu, sample(&s, 1), HOLDING_PRESENT, NOW);
    cmp_ok(look_writer(writer, eu, &s.object, NOW), ==, HOLDING_PRESENT, "it keeps what it finds");
    refresh(writer, NOW, 100);
    cmp_ok(times_said, ==, 1, "says nothing more");
    rmdir(blocked);
    refresh(writer, NOW + 99, 1);
    cmp_ok(access(blocked, F_OK), <, 0, "does not try again within 10 s");
    refresh(writer, NOW + 100, 1);
    cmp_ok(access(blocked, F_OK), ==, 0, "and makes a file once it can");
    struct cache *cache = cache_open(&place, cache_lifetimes_of(PRESENT_S, ABSENT_S), hear, NULL);
    cmp_ok(look(cache, eu, &s.object, NOW + 111), ==, HOLDING_PRESENT, "with what it has found");
    cmp_ok(look_writer(writer, eu, &s.object, NOW + 111), ==, HOLDING_PRESENT, "as it knows, too");
    unlink(blocked);
    rmdir(path);
    state_look(&place);
    refresh(writer, NOW + 111, 20);
    cmp_ok(look_writer(writer, eu, &s.object, NOW + 131), ==, HOLDING_PRESENT,
           "a directory that goes away takes nothing with it");
    cmp_ok(look(cache, eu, &s.object, NOW + 131), ==, HOLDING_UNKNOWN, "but readers know nothing");
    cache_close(cache);
    cache_writer_close(writer);
    state_end(&place);
}

/* ---- processes that are killed ---- */

static volatile unsigned *findings; /* of all writers; shared with the children */

/* Objects with even numbers are present, odd ones absent; all else is a lie. */
static void write_for_ever(void)
{
    struct cache_writer *writer = writer_of(MB);
    struct sample s;

    for (unsigned i = (unsigned)getpid();; i++) {
        unsigned n = i * 7919 % 20000;
        add(writer, eu, sample(&s, n), n % 2 ? HOLDING_ABSENT : HOLDING_PRESENT, NOW);
        if (i % 64 == 0)
            cache_writer_refresh(writer, NOW);
        ++*findings;
    }
}

static unsigned lies(struct cache *cache, unsigned *known, int64_t now_s)
{
    struct sample s;
    unsigned wrong = 0;

    for (unsigned n = 0; n < 20000; n++) {
        enum holding holding = look(cache, eu, sample(&s, n), now_s);
        *known += holding != HOLDING_UNKNOWN;
        wrong += holding == (n % 2 ? HOLDING_PRESENT : HOLDING_ABSENT);
    }
    return wrong;
}

static void read_for_ever(void)
{
    struct cache *cache = reader();
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

/* Until a writer is at work, however busy the machine is. */
static void await_finding(unsigned before)
{
    for (int i = 0; i < 20000 && *findings == before; i++)
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
    enum { WRITERS = 60 };
    struct cache *cache = reader();
    unsigned wrong = 0, known = 0, alive = 0;

    findings =
        mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        unsigned before = *findings;
        pid_t writer = start_child(write_for_ever);
        pid_t child = start_child(read_for_ever);
        if (i % 4)
            await_finding(before); /* else it is killed while it opens the file */
        pause_us(i * 137 % 5000);
        alive += kill_child(child);
        alive += kill_child(writer);
        wrong += lies(cache, &known, NOW + i % 50);
    }
    cmp_ok(alive, ==, 2 * WRITERS, "all were killed at work, and none had seen a lie");
    cmp_ok(wrong, ==, 0, "no wrong answer after %d writers were killed", WRITERS);
    cmp_ok(known, >, 10000, "and many right ones (%u)", known);
    struct cache_writer *writer = writer_of(MB);
    struct sample s;
    add(writer, us, sample(&s, 77), HOLDING_PRESENT, NOW);
    cmp_ok(look(cache, us, &s.object, NOW), ==, HOLDING_PRESENT, "another writer goes on");
    cmp_ok(times_said, ==, 0, "with the same file");
    char left[80];
    snprintf(left, sizeof left, "%s/.%s.new", folder, CACHE_FILE); /* of one that was killed */
    unlink(left);
    cache_writer_close(writer);
    cache_close(cache);
}

int main(void)
{
    void (*const tests[])(void) = {
        test_siphash,
        test_both_sides,
        test_one_hash,
        test_time,
        test_sweep,
        test_forget,
        test_clear_entry,
        test_many,
        test_eviction,
        test_foreign,
        test_other_size_and_version,
        test_cut_short,
        test_overwritten,
        test_deleted,
        test_no_file,
        test_killed,
    };

    if (!mkdtemp(folder))
        return 1;
    state_begin(&state, folder);
    snprintf(cache_file, sizeof cache_file, "%s/" CACHE_FILE, folder);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        start_over();
        tests[i]();
    }
    state_end(&state);
    unlink(cache_file);
    cmp_ok(rmdir(folder), ==, 0, "nothing else was left behind");
    return done_testing();
}
