/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look-up in the index costs: present and absent digests, a hot set of a
 * thousand and all of them, for an index of which every line was checked (as in a
 * responder) and one of which none was (as in a CGI); and what it costs to open
 * one and to check one whole; the same lines in one file and in four. The index is made in a
 * temporary folder.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "state/index.h"
#include "state/index_file.h"

enum { HOT = 1000, ASKED = 200000, CALLS = 20000, ROUNDS = 50, TEXT = 7 + 64 + 1, FILES = 4 };

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t random64(void)
{
    static uint64_t state = 42; /* splitmix64, by Sebastiano Vigna: in the public domain */
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void make(char *text)
{
    snprintf(text, TEXT, "sha256:%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, random64(),
             random64(), random64(), random64());
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, TEXT);
}

/* Writes each step-th of the digests, which are sorted. */
static void write_index(const char *name, char (*digests)[TEXT], size_t count, size_t first,
                        size_t step)
{
    FILE *out = fopen(name, "w");

    if (!out)
        exit(1);
    for (size_t i = first; i < count; i += step)
        fprintf(out, "%s team/app\n", digests[i]);
    fclose(out);
}

/* The best of some rounds, in ns a look-up: the machine is noisy, and noise only adds. */
static double measure(struct index *index, char (*asked)[TEXT], size_t count, bool expected)
{
    double best = 1e18;
    size_t next = 0;

    for (int round = 0; round < ROUNDS; round++) {
        size_t wrong = 0;
        double start = now_ns();
        for (int i = 0; i < CALLS; i++)
            wrong += !!index_listed_by(index, (struct slice){asked[next++ % count], TEXT - 1},
                                       SLICE("team/app")) != expected;
        double each = (now_ns() - start) / CALLS;
        best = each < best ? each : best;
        if (wrong)
            exit(1);
    }
    return best;
}

static void measure_all(const char *const *names, size_t files, char (*present)[TEXT],
                        char (*absent)[TEXT], size_t count)
{
    size_t all = count < ASKED ? count : ASKED, hot = all < HOT ? all : HOT;
    struct index *index = index_new(names, files, NULL, NULL);

    if (!index)
        exit(1);
    printf("%8zu %5zu %7.0f %7.0f %7.0f %7.0f\n", count, files, measure(index, present, hot, true),
           measure(index, absent, hot, false), measure(index, present, all, true),
           measure(index, absent, all, false));
    index_free(index);
}

static void run(const char *const *names, size_t count)
{
    char(*digests)[TEXT] = malloc(count * TEXT), (*absent)[TEXT] = malloc(ASKED * TEXT),
    (*present)[TEXT] = malloc(ASKED * TEXT);
    struct index_file file;
    struct why why;

    if (!digests || !absent || !present)
        exit(1);
    for (size_t i = 0; i < count; i++)
        make(digests[i]);
    for (size_t i = 0; i < ASKED; i++) {
        make(absent[i]);
        memcpy(present[i], digests[random64() % count], TEXT);
    }
    qsort(digests, count, TEXT, compare);
    for (size_t i = 0; i < FILES; i++)
        write_index(names[i], digests, count, i, FILES);
    measure_all(names, FILES, present, absent, count);
    write_index(names[0], digests, count, 0, 1);
    measure_all(names, 1, present, absent, count);
    double start = now_ns();
    if (!index_file_open(&file, names[0], &why))
        exit(1);
    double open_us = (now_ns() - start) / 1e3;
    start = now_ns();
    if (!index_file_check(&file, names[0], NULL, &why))
        exit(1);
    double check_ms = (now_ns() - start) / 1e6;
    printf("%8zu opened in %.0f us, checked whole in %.1f ms\n", count, open_us, check_ms);
    index_file_close(&file);
    free(digests);
    free(absent);
    free(present);
}

int main(void)
{
    char folder[] = "/tmp/signpost-bench-XXXXXX", name[FILES][64];
    const char *names[FILES];

    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < FILES; i++) {
        snprintf(name[i], sizeof name[i], "%s/index%zu", folder, i);
        names[i] = name[i];
    }
    printf("%8s %5s %7s %7s %7s %7s   ns a look-up\n", "lines", "files", "hot", "miss", "all",
           "miss");
    run(names, 300 * 1000);
    run(names, 2 * 1000 * 1000);
    run(names, 10 * 1000 * 1000);
    for (size_t i = 0; i < FILES; i++)
        unlink(names[i]);
    rmdir(folder);
    return 0;
}
