/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the range compiler takes and how large its databases are, for as many
 * invented prefixes as the clouds publish and for a million; and a look-up by
 * libmaxminddb in each. Not a test: prints figures.
 */
#include "config.h"
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ranges/mmdb_write.h"
#include "ranges/prefix_tree.h"
#include "ranges/read.h"

enum { LOOKUPS = 2000000, SPREAD = 1 << 16 };

static uint64_t seed = 7;

static uint32_t any(uint32_t below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * 0x2545f4914f6cdd1d) >> 33) % below;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A registry's file: three quarters IPv4 from /16 to /28, the rest IPv6 from /32 to /56. */
static char *invent(size_t count, size_t *len)
{
    char *text;
    FILE *file = open_memstream(&text, len);
    if (!file)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        unsigned bits = 16 + any(13), address = any(UINT32_C(0xdfffffff) >> 1) * 2;
        if (i % 4) {
            address &= ~0u << (32 - bits);
            fprintf(file, "%u.%u.%u.%u/%u,%s,,,\n", address >> 24, address >> 16 & 255,
                    address >> 8 & 255, address & 255, bits, any(2) ? "FR" : "US");
        } else {
            fprintf(file, "2%03x:%x:%x::/48,%s,,,\n", any(16), any(65536), any(65536),
                    any(2) ? "JP" : "BR");
        }
    }
    fclose(file);
    return text;
}

static void look_up(const char *path)
{
    MMDB_s mmdb;
    int status, found = 0;
    uint32_t *addresses = malloc(SPREAD * sizeof *addresses);
    if (!addresses || MMDB_open(path, 0, &mmdb) != MMDB_SUCCESS)
        exit(1);
    for (int i = 0; i < SPREAD; i++)
        addresses[i] = any(UINT32_MAX >> 1) << 1 | any(2);
    double start = 0;
    for (int i = 0; i < 2 * LOOKUPS; i++) { /* the first half warms up */
        if (i == LOOKUPS)
            start = now();
        struct sockaddr_in address = {.sin_family = AF_INET};
        address.sin_addr.s_addr = addresses[i % SPREAD];
        found +=
            MMDB_lookup_sockaddr(&mmdb, (const struct sockaddr *)(const void *)&address, &status)
                .found_entry;
    }
    printf("  look-up of a random IPv4 address: %.0f ns (%d %% found)\n",
           (now() - start) / LOOKUPS * 1e9, found / (2 * LOOKUPS / 100));
    MMDB_close(&mmdb);
    free(addresses);
}

static void measure(const char *what, size_t count, const struct range_input *input)
{
    char path[] = "/tmp/signpost-bench.XXXXXX";
    struct range_list list = {.table = record_table_new()};
    struct prefix_tree tree;
    struct range_error error = {""};
    struct mmdb_summary summary;
    struct mmdb_options options = {.build_epoch = 1};
    struct stat status;
    FILE *file = fdopen(mkstemp(path), "wb");
    double start = now();
    bool done = file && range_read(&list, input, &error);
    double read = now();
    range_settle(&list);
    double settled = now();
    done = done && prefix_tree_build(&tree, &list, &error);
    double built = now();
    done = done && mmdb_write(file, &tree, list.table, &options, &summary, &error);
    if (!done || fclose(file) != 0 || stat(path, &status) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    double written = now();
    printf("%s: %zu lines, %zu prefixes\n", what, count, list.count);
    printf("  read %.0f ms, sort %.0f ms, tree %.0f ms, write %.0f ms: %.0f ms\n",
           (read - start) * 1e3, (settled - read) * 1e3, (built - settled) * 1e3,
           (written - built) * 1e3, (written - start) * 1e3);
    printf("  %zu nodes of %u bits, %.2f MB\n", summary.nodes, 2 * summary.record_size,
           (double)status.st_size / 1e6);
    look_up(path);
    unlink(path);
    prefix_tree_free(&tree);
    range_list_free(&list);
    record_table_free(list.table);
}

int main(int argc, char **argv)
{
    size_t counts[] = {27000, 1000000};
    (void)argv;
    if (argc > 1) {
        fputs("Usage: ranges (no arguments)\n", stderr);
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        size_t len;
        char *text = invent(counts[i], &len);
        struct range_input input = {
            .name = "invented", .text = {text, len}, .format = FORMAT_GEOFEED};
        measure("invented", counts[i], &input);
        free(text);
    }
    return 0;
}
