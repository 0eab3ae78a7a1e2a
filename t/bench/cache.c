/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look-up in the cache costs with 1,000,000 entries, how large the file is,
 * what memory it takes, how fast findings are written, and how many are lost. Not a test.
 *
 *     t/bench/cache [ENTRIES [PERCENT]]
 *
 * The table is PERCENT full (70).
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "state/cache.h"
#include "state/cache_write.h"

enum { ROUNDS = 5, LOOKS = 400000, CHUNK = 4000, HOT = 1000, NOW = 1700000000, LIFETIME_S = 86400 };

static const struct target upstream = {.kind = TARGET_UPSTREAM, .id = 0x1234567890abcdef};
static const struct target other = {.kind = TARGET_UPSTREAM, .id = 0x234567890abcdef1};

struct sample {
    char name[40], digest[72];
    struct object object;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static const struct object *sample(struct sample *s, uint64_t n)
{
    snprintf(s->name, sizeof s->name, "kube-system/component-%u", (unsigned)(n % 500));
    snprintf(s->digest, sizeof s->digest,
             "sha256:%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, mix(n), mix(n + 1),
             mix(n + 2), mix(n + 3));
    s->object = (struct object){ENDPOINT_BLOBS, slice_of(s->name), slice_of(s->digest)};
    return &s->object;
}

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static void fill(struct cache_writer *writer, uint64_t entries)
{
    struct sample s;

    for (uint64_t n = 0; n < entries; n++) {
        struct cache_hash hash = {0};
        uint64_t key = cache_writer_key(writer, &upstream, sample(&s, n), &hash);
        cache_writer_add(writer, key, n % 10 ? HOLDING_PRESENT : HOLDING_ABSENT, NOW);
    }
}

static long resident_kb(const char *what)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, what, strlen(what)) == 0)
            value = atol(line + strlen(what));
    if (file)
        fclose(file);
    return value;
}

/* Objects are made before the clock runs: only the look-up is measured. */
static struct sample *samples_of(uint64_t count, uint64_t among, uint64_t from)
{
    struct sample *samples = malloc(count * sizeof *samples);

    for (uint64_t i = 0; samples && i < count; i++) {
        sample(&samples[i], from + mix(i + 99) % among);
        samples[i].object.name.at = samples[i].name;
        samples[i].object.digest.at = samples[i].digest;
    }
    return samples ? samples : (exit(1), NULL);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* In small parts, so that what other programs of the machine do can be told apart. */
static void measure(struct cache *cache, const char *what, const struct target *target,
                    uint64_t among, uint64_t from, uint64_t distinct)
{
    struct sample *samples = samples_of(distinct, among, from);
    static double took[ROUNDS * LOOKS / CHUNK];
    size_t chunks = 0;
    unsigned found = 0;

    for (unsigned i = 0; i < ROUNDS * LOOKS; i += CHUNK) {
        double began = now_ns();
        for (unsigned j = i; j < i + CHUNK; j++) {
            struct cache_hash hash = {0};
            found += cache_look(cache, target, &samples[j % distinct].object, &hash, NOW) !=
                     HOLDING_UNKNOWN;
        }
        took[chunks++] = (now_ns() - began) / CHUNK;
    }
    qsort(took, chunks, sizeof *took, compare);
    printf("%-28s %6.0f ns (median), %6.0f ns (the quickest tenth)  %3.0f %% known\n", what,
           took[chunks / 2], took[chunks / 10], 100.0 * found / (ROUNDS * LOOKS));
    free(samples);
}

int main(int argc, char **argv)
{
    uint64_t entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    unsigned percent = argc > 2 ? (unsigned)atoi(argv[2]) : 70;
    char folder[] = "/tmp/signpost-bench-XXXXXX", file[64];
    struct cache_lifetimes lifetimes = cache_lifetimes_of(LIFETIME_S, LIFETIME_S);
    struct cache_counts counts;
    struct stat status;
    struct state state;
    struct sample s;

    if (percent == 0 || !mkdtemp(folder))
        return 1;
    state_begin(&state, folder);
    snprintf(file, sizeof file, "%s/%s", folder, CACHE_FILE);
    struct cache_writer_options options = {.state = &state,
                                           .size = CACHE_HEADER_SIZE + entries * 800 / percent,
                                           .lifetimes = lifetimes,
                                           .log = say};
    struct cache_writer *writer = cache_writer_open(&options, NOW);
    double began = now_ns();
    fill(writer, entries);
    double took = now_ns() - began;
    printf("%" PRIu64 " entries written, %.0f ns each\n", entries, took / (double)entries);
    counts = cache_writer_counts(writer);
    stat(file, &status);
    printf("file: %.1f MB, %.1f bytes an entry; present entries pushed out: %" PRIu64
           ", absent ones without a place: %" PRIu64 "\n",
           (double)status.st_size / 1e6, (double)status.st_size / (double)entries, counts.evicted,
           counts.lost);
    cache_writer_close(writer);

    began = now_ns();
    writer = cache_writer_open(&options, NOW);
    printf("the prober opens and counts it in %.1f ms\n", (now_ns() - began) / 1e6);
    cache_writer_close(writer);

    struct cache *cache = cache_open(&state, lifetimes, say, NULL);
    struct cache_hash hash = {0};
    sample(&s, 0);
    began = now_ns();
    cache_look(cache, &upstream, &s.object, &hash, NOW);
    printf("opening, and the first look: %.0f us\n", (now_ns() - began) / 1e3);
    measure(cache, "hot: 1,000 objects", &upstream, entries, 0, HOT);
    measure(cache, "uniform", &upstream, entries, 0, LOOKS);
    measure(cache, "not known, 1,000 objects", &other, entries, 0, HOT);
    measure(cache, "not known, uniform", &other, entries, 0, LOOKS);
    printf("memory: %ld KB of its own, %ld KB of the file\n", resident_kb("RssAnon:"),
           resident_kb("RssFile:"));
    cache_close(cache);
    unlink(file);
    rmdir(folder);
    return 0;
}
