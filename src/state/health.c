/* SPDX-License-Identifier: Apache-2.0 */
#include "state/health.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/plain_file.h"

enum {
    FILE_SIZE_MAX = 1024 * 1024,
    LINE_SIZE = 1024,
    COUNTERS_MAX = 64,
    COUNTER_NAME_SIZE = 32,
    STALE_INTERVALS = 3,
    AHEAD_MAX_S = 5
};

struct counter {
    char name[COUNTER_NAME_SIZE];
    uint64_t value;
};

const char *const health_state_words[] = {"unchecked", "up", "returning", "down"};

struct health {
    const struct target *targets;
    size_t count;
    struct target_health *of; /* as many, in the same order */
    int64_t looked_s;
    struct stat file; /* the one that was read last */
    bool fresh;
    int64_t published_s, interval_ms, prober, network_doubt_s;
    struct counter counter[COUNTERS_MAX];
    size_t counter_count;
};

static const struct target_health nobody_knows = {.admit = 1, .extra = 1};

static void forget(struct health *health)
{
    for (size_t i = 0; i < health->count; i++)
        health->of[i] = nobody_knows;
    health->counter_count = 0;
    health->network_doubt_s = 0;
    health->fresh = false;
}

struct health *health_new(const struct target *targets, size_t target_count)
{
    struct health *health = calloc(1, sizeof *health);

    if (!health)
        return NULL;
    *health = (struct health){.targets = targets, .count = target_count, .looked_s = INT64_MIN};
    health->of = calloc(target_count + 1, sizeof *health->of);
    if (!health->of) {
        free(health);
        return NULL;
    }
    forget(health);
    return health;
}

void health_free(struct health *health)
{
    if (!health)
        return;
    free(health->of);
    free(health);
}

/* A time that can be written as a date, in seconds since 1970; 0: never. */
static bool is_time(int64_t seconds)
{
    static const int64_t end_of_9999 = INT64_C(253402300799);

    return seconds >= 0 && seconds <= end_of_9999;
}

/* "target ID up|down ADMIT HEAD_MS CHANGED FAILED_AT PROBES CHECKS PRESENT ABSENT FAILED REFUSED
 * SKIPPED NAME FAILURE"; the failure is the rest of the line. */
static void read_target(struct health *health, const char *line)
{
    struct target_health h = {.known = true, .extra = 1};
    struct target_counters *c = &h.counters;
    uint64_t id;
    char state[8];
    int admit, rest = 0;

    if (sscanf(line,
               "target %" SCNx64 " %7s %d %u %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*s %n",
               &id, state, &admit, &h.head_ms, &h.changed_s, &h.failed_s, &c->probes, &c->checks,
               &c->present, &c->absent, &c->failed, &c->refused, &c->skipped, &rest) < 13 ||
        rest == 0 || admit < 0 || admit > 100 || !is_time(h.changed_s) || !is_time(h.failed_s))
        return;
    h.state = strcmp(state, "up") == 0 ? HEALTH_UP : HEALTH_DOWN;
    h.admit = h.state == HEALTH_UP ? admit / 100.0 : 0;
    snprintf(h.failure, sizeof h.failure, "%s", line + rest);
    for (size_t i = 0; i < health->count; i++)
        if (health->targets[i].id == id)
            health->of[i] = h;
}

/* "flow ID EXTRA IN_SHARE OUT_OF_SHARE", behind the target's other line. */
static void read_flow(struct health *health, const char *line)
{
    uint64_t id, in, out;
    unsigned extra;

    if (sscanf(line, "flow %" SCNx64 " %u %" SCNu64 " %" SCNu64, &id, &extra, &in, &out) != 4 ||
        extra > HEALTH_EXTRA_ALL)
        return;
    for (size_t i = 0; i < health->count; i++)
        if (health->targets[i].id == id) {
            health->of[i].extra = (double)extra / HEALTH_EXTRA_ALL;
            health->of[i].in_share = in;
            health->of[i].out_of_share = out;
        }
}

/* "check ID STATE CHECKED_S WITNESSES", behind the target's first line. */
static void read_check(struct health *health, const char *line)
{
    uint64_t id;
    int64_t checked_s;
    unsigned witnesses;
    char word[16];

    if (sscanf(line, "check %" SCNx64 " %15s %" SCNd64 " %u", &id, word, &checked_s, &witnesses) !=
            4 ||
        !is_time(checked_s))
        return;
    for (size_t i = 0; i < health->count; i++) {
        struct target_health *h = &health->of[i];
        if (health->targets[i].id != id)
            continue;
        for (int state = HEALTH_NOT_CHECKED; state <= HEALTH_DOWN; state++)
            if (strcmp(word, health_state_words[state]) == 0)
                h->state = (enum health_state)state;
        h->checked_s = checked_s;
        h->witnesses = witnesses;
    }
}

/* "network-doubt SINCE_S" */
static void read_doubt(struct health *health, const char *line)
{
    int64_t since_s;

    if (sscanf(line, "network-doubt %" SCNd64, &since_s) == 1 && is_time(since_s))
        health->network_doubt_s = since_s;
}

static void read_counter(struct health *health, const char *line)
{
    struct counter *counter = &health->counter[health->counter_count];

    if (health->counter_count < COUNTERS_MAX &&
        sscanf(line, "counter %31s %" SCNu64, counter->name, &counter->value) == 2)
        health->counter_count++;
}

static bool read_lines(struct health *health, FILE *file)
{
    char line[LINE_SIZE];
    int version;

    if (!fgets(line, sizeof line, file) ||
        sscanf(line, "signpost-health %d %" SCNd64 " %" SCNd64 " %" SCNd64, &version,
               &health->published_s, &health->interval_ms, &health->prober) != 4 ||
        version != HEALTH_VERSION || health->interval_ms < 0 || health->interval_ms > INT32_MAX ||
        !is_time(health->published_s))
        return false;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "target ", 7) == 0)
            read_target(health, line);
        else if (strncmp(line, "flow ", 5) == 0)
            read_flow(health, line);
        else if (strncmp(line, "check ", 6) == 0)
            read_check(health, line);
        else if (strncmp(line, "network-doubt ", 14) == 0)
            read_doubt(health, line);
        else if (strncmp(line, "counter ", 8) == 0)
            read_counter(health, line);
    }
    return true;
}

static bool read_file(struct health *health, int directory)
{
    int fd = plain_file_open(directory, HEALTH_FILE, O_NOFOLLOW, FILE_SIZE_MAX, &health->file);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    bool good = file && read_lines(health, file);

    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
    return good;
}

/* It may have been published since the clock was looked at; much later means that was set back. */
static bool is_stale(const struct health *health, int64_t now_s)
{
    return health->published_s > now_s + AHEAD_MAX_S ||
           (now_s - health->published_s) * 1000 > STALE_INTERVALS * health->interval_ms;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A target of a new configuration, of which the prober has not proven what it serves yet. */
static void hold_back_unproven(struct health *health)
{
    static const struct target_health unproven = {
        .known = true, .state = HEALTH_DOWN, .extra = 1, .failure = "it is not proven yet"};

    for (size_t i = 0; i < health->count; i++)
        if (!health->of[i].known && health->targets[i].check_object.digest.len > 0)
            health->of[i] = unproven;
}

void health_refresh(struct health *health, int directory, int64_t now_s)
{
    struct stat status;

    if (!health || now_s == health->looked_s)
        return;
    health->looked_s = now_s;
    if (directory < 0 || fstatat(directory, HEALTH_FILE, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        forget(health);
        return;
    }
    if (!health->fresh || !is_same(&status, &health->file)) {
        forget(health);
        health->fresh = read_file(health, directory);
        hold_back_unproven(health);
    }
    if (!health->fresh || is_stale(health, now_s))
        forget(health);
}

void health_put(struct health *health, const struct target *target,
                const struct target_health *known)
{
    health->of[target - health->targets] = *known;
}

const struct target_health *health_of(const struct health *health, const struct target *target)
{
    return health ? &health->of[target - health->targets] : &nobody_knows;
}

int64_t health_published(const struct health *health)
{
    return health && health->fresh ? health->published_s : 0;
}

int64_t health_network_doubt(const struct health *health)
{
    return health && health->fresh ? health->network_doubt_s : 0;
}

int64_t health_prober(const struct health *health)
{
    return health && health->fresh ? health->prober : 0;
}

void health_counters(const struct health *health, health_counter *counter, void *context)
{
    for (size_t i = 0; health && i < health->counter_count; i++)
        counter(context, health->counter[i].name, health->counter[i].value);
}
