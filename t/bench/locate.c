/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to find a client by its address, for each of some databases: the
 * look-up, hot and cold; the whole decision on a blob; and the start of a CGI
 * program that looks one address up. Not a test: prints figures.
 *
 *     signpost ranges -o clouds.mmdb aws.json google.json azure.json
 *     t/bench/locate fcgi/signpost.fcgi etc/registry.k8s.io.conf clouds.mmdb country.mmdb
 */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <maxminddb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "config/configuration.h"
#include "route/respond.h"
#include "route/route.h"

enum {
    ADDRESSES = 1 << 16,
    HOT = 256, /* addresses that come again and again */
    ROUNDS = 7,
    COLD_CALLS = 300,
    CACHES = 64 << 20, /* more bytes than the processor's caches have */
    STARTS = 300
};

#define BLOB                                                                                       \
    "/v2/pause/blobs/sha256:da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e"

static uint32_t any(void)
{
    static uint64_t state = 42; /* xorshift64*, by Sebastiano Vigna: in the public domain */

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545f4914f6cdd1d >> 32);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

/* ---- addresses ---- */

struct sample {
    const char *what;
    struct address address[ADDRESSES];
    char text[ADDRESSES][ADDRESS_TEXT];
};

static struct address any_ipv4(void)
{
    struct address address = {.family = ADDRESS_IPV4, .bytes = {[10] = 0xff, [11] = 0xff}};
    uint32_t bits = htonl(any());

    memcpy(address.bytes + 12, &bits, sizeof bits);
    return address;
}

static struct address any_ipv6(void)
{
    struct address address = {.family = ADDRESS_IPV6};

    for (int i = 0; i < 16; i++)
        address.bytes[i] = (uint8_t)any();
    address.bytes[0] = (uint8_t)(0x20 | (address.bytes[0] & 0x1f));
    return address;
}

/*
 * An address that has a record, by a walk down the tree, which is of IPv6: where
 * both ways lead to one, either is taken. For IPv4 the first 96 bits are zero.
 */
static bool walk(const MMDB_s *mmdb, bool ipv4, struct address *address)
{
    struct address found = ipv4 ? any_ipv4() : any_ipv6();
    uint32_t node = 0;

    for (unsigned bit = 0; bit < 128; bit++) {
        MMDB_search_node_s at;
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        if (MMDB_read_node(mmdb, node, &at) != MMDB_SUCCESS)
            return false;
        bool right = (ipv4 && bit < 96) ? false : (found.bytes[bit / 8] & mask) != 0;
        uint8_t type = right ? at.right_record_type : at.left_record_type;
        if (type == MMDB_RECORD_TYPE_EMPTY && !(ipv4 && bit < 96)) {
            right = !right;
            type = right ? at.right_record_type : at.left_record_type;
            found.bytes[bit / 8] ^= mask;
        }
        if (type == MMDB_RECORD_TYPE_DATA)
            return *address = found, true;
        if (type != MMDB_RECORD_TYPE_SEARCH_NODE)
            return false;
        node = (uint32_t)(right ? at.right_record : at.left_record);
    }
    return false;
}

static struct sample *draw(const char *database, const char *what, bool ipv4, bool known)
{
    struct sample *sample = malloc(sizeof *sample);
    MMDB_s mmdb;

    if (!sample || MMDB_open(database, MMDB_MODE_MMAP, &mmdb) != MMDB_SUCCESS)
        exit(1);
    sample->what = what;
    for (int i = 0; i < ADDRESSES; i++) {
        struct address *address = &sample->address[i];
        *address = ipv4 ? any_ipv4() : any_ipv6();
        for (int tries = 0; known && tries < 1000 && !walk(&mmdb, ipv4, address); tries++)
            ;
        address_format(address, sample->text[i]);
    }
    MMDB_close(&mmdb);
    return sample;
}

/* ---- look-ups and decisions ---- */

struct work {
    const struct config *config;
    struct knowledge knowledge;
    struct request request;
    struct answer answer;
    size_t sum; /* so that nothing is optimised away */
};

static void look_up(struct work *w, const struct sample *sample, int i)
{
    struct geodb_answer answer = geodb_lookup(w->knowledge.geodb, &sample->address[i], false);
    w->sum += answer.place_source >= 0;
}

static void decide_blob(struct work *w, const struct sample *sample, int i)
{
    struct text out = {.at = w->answer.text, .size = sizeof w->answer.text};

    w->request.remote_addr = slice_of(sample->text[i]);
    struct routed routed;
    route(w->config, &w->knowledge, &w->request, NULL, NULL, &routed);
    respond_location(&routed.decision, &routed.classified, w->request.query, &out);
    w->sum += routed.client.source == CLIENT_ADDRESS;
}

typedef void job(struct work *w, const struct sample *sample, int i);

/* The best of some rounds over the first addresses, in ns each. */
static double warm(job *call, struct work *w, const struct sample *sample, int count)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < ADDRESSES; i++)
            call(w, sample, i % count);
        double each = (now_ns() - start) / ADDRESSES;
        best = each < best ? each : best;
    }
    return best;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median when all caches of the processor hold something else. */
static double cold(job *call, struct work *w, const struct sample *sample)
{
    static volatile char other[CACHES];
    double took[COLD_CALLS];

    for (int i = 0; i < COLD_CALLS; i++) {
        for (size_t at = 0; at < CACHES; at += 64)
            other[at]++;
        double start = now_ns();
        call(w, sample, (int)(any() % ADDRESSES));
        took[i] = now_ns() - start;
    }
    qsort(took, COLD_CALLS, sizeof *took, compare);
    return took[COLD_CALLS / 2];
}

static void measure(struct work *w, struct sample *sample)
{
    w->sum = 0;
    double all = warm(look_up, w, sample, ADDRESSES);
    double found = 100.0 * (double)w->sum / ROUNDS / ADDRESSES;

    printf("  %-18s %5.0f %% %8.0f %8.0f %8.0f %10.0f %8.0f %8.0f\n", sample->what, found,
           warm(look_up, w, sample, HOT), all, cold(look_up, w, sample),
           warm(decide_blob, w, sample, HOT), warm(decide_blob, w, sample, ADDRESSES),
           cold(decide_blob, w, sample));
    free(sample);
}

/* ---- CGI ---- */

/* Starts the program and waits for its end; microseconds. */
static double start_once(char *program, char **environment,
                         const posix_spawn_file_actions_t *actions)
{
    char *arguments[] = {program, NULL};
    int status;
    pid_t pid;
    double start = now_ns();

    if (posix_spawn(&pid, program, actions, NULL, arguments, environment) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
    return (now_ns() - start) / 1e3;
}

static void measure_start(char *program, char *with, char *without, const char *address)
{
    char remote[ADDRESS_TEXT + sizeof "REMOTE_ADDR="];
    char *environment[] = {NULL, remote, (char[]){"REQUEST_METHOD=GET"},
                           (char[]){"REQUEST_URI=" BLOB}, NULL};
    double took[2][STARTS];
    posix_spawn_file_actions_t actions;

    snprintf(remote, sizeof remote, "REMOTE_ADDR=%s", address);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < 2 * STARTS; i++) { /* in turn, so that both see the same machine */
        environment[0] = i % 2 ? with : without;
        took[i % 2][i / 2] = start_once(program, environment, &actions);
    }
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2; i++)
        qsort(took[i], STARTS, sizeof *took[i], compare);
    printf("  CGI start: %.0f us with a look-up, %.0f us without a database\n", took[1][STARTS / 2],
           took[0][STARTS / 2]);
}

/* ---- configurations ---- */

/* Writes the configuration with other databases; ends the program if it cannot. */
static void write_conf(const char *from, const char *to, const char *databases)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char *line = NULL;
    size_t size = 0;

    if (!in || !out)
        exit((perror(from), 1));
    while (getline(&line, &size, in) >= 0)
        if (strncmp(line, "databases = ", 12) != 0)
            fputs(line, out);
    fprintf(out, "databases = [ %s ];\n", databases);
    free(line);
    fclose(in);
    if (fclose(out) != 0)
        exit((perror(to), 1));
}

static struct config *load(const char *file)
{
    struct problems problems = {0};
    struct config *config = config_load(file, &problems);

    if (!config)
        exit((problems_print(&problems, stderr), 1));
    problems_clear(&problems);
    return config;
}

static void run(char *program, const char *conf, const char *folder, const char *database)
{
    char path[PATH_MAX], quoted[PATH_MAX + 2], with[PATH_MAX + 32], without[PATH_MAX + 32];
    static struct work w;
    struct stat status;

    if (!realpath(database, path) || stat(path, &status) != 0)
        exit((perror(database), 1));
    snprintf(quoted, sizeof quoted, "\"%s\"", path);
    snprintf(with, sizeof with, "SIGNPOST_CONF=%s/with.conf", folder);
    snprintf(without, sizeof without, "SIGNPOST_CONF=%s/without.conf", folder);
    write_conf(conf, strchr(with, '=') + 1, quoted);
    write_conf(conf, strchr(without, '=') + 1, "");

    struct config *config = load(strchr(with, '=') + 1);
    char *variables[] = {(char[]){"REQUEST_METHOD=GET"}, (char[]){"REQUEST_URI=" BLOB}, NULL};
    w.config = config;
    if (!knowledge_open(&w.knowledge, config, instant_now(), say, NULL))
        exit(1);
    request_read(&w.request, &config->request, variables);
    printf("%s, %.2f MB\n  %-18s %7s %8s %8s %8s %10s %8s %8s\n", database,
           (double)status.st_size / 1e6, "ns each", "found", "look-up", "random", "cold",
           "decision", "random", "cold");
    struct sample *known = draw(path, "IPv4 that is there", true, true);
    char *address = strdup(known->text[0]);
    measure(&w, known);
    measure(&w, draw(path, "IPv4 of any kind", true, false));
    measure(&w, draw(path, "IPv6 that is there", false, true));
    measure(&w, draw(path, "IPv6 of any kind", false, false));
    measure_start(program, with, without, address);
    unlink(strchr(with, '=') + 1);
    unlink(strchr(without, '=') + 1);
    free(address);
    knowledge_close(&w.knowledge);
    config_free(config);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/signpost-bench.XXXXXX";

    if (argc < 4) {
        fputs("Usage: locate PROGRAM CONFIGURATION DATABASE...\n", stderr);
        return 2;
    }
    if (!mkdtemp(folder))
        return 1;
    for (int i = 3; i < argc; i++)
        run(argv[1], argv[2], folder, argv[i]);
    rmdir(folder);
    return 0;
}
