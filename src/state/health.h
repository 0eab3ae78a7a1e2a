/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the targets are, as the prober has last published it in the file "health"
 * of the state directory. This is the side of those who read; see
 * prober/publish.h for the other.
 */
#ifndef STATE_HEALTH_H
#define STATE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/target.h"

#define HEALTH_FILE "health"

enum {
    HEALTH_FAILURE_SIZE = 96,
    HEALTH_VERSION = 2,
    HEALTH_EXTRA_ALL = 10000 /* what stands in the file for all extra requests */
};

/* What the prober has counted for one target since it was started. */
struct target_counters {
    uint64_t probes;                  /* HEADs for objects */
    uint64_t checks;                  /* active ones */
    uint64_t present, absent, failed; /* what became of the probes; the rest is not known */
    uint64_t refused;                 /* not probed, for want of budget */
    uint64_t skipped;                 /* not probed, since it is down */
};

enum health_state { HEALTH_NOT_CHECKED, HEALTH_UP, HEALTH_RETURNING, HEALTH_DOWN };

/* The words for them in the file. */
extern const char *const health_state_words[];

struct target_health {
    bool known; /* false: no prober has published anything lately, so the state is not checked */
    enum health_state state; /* one that is not checked is chosen like one that is up */
    int64_t checked_s;       /* when it was last checked, seconds since 1970; 0: never */
    unsigned witnesses;      /* how many objects tell whether it serves content */
    double admit; /* which part of its requests it may take: 0 while down, 1 while up, and
                     between them while it returns */
    double extra; /* which part it takes of requests that are meant for others */
    uint64_t in_share, out_of_share; /* requests since its share was set: let in, and not */
    unsigned head_ms;                /* how long a HEAD takes, 0: not measured */
    int64_t changed_s; /* since when it is up or down, seconds since 1970; 0: from the start */
    int64_t failed_s;  /* when something was wrong last, seconds since 1970; 0: never */
    char failure[HEALTH_FAILURE_SIZE]; /* what it was, empty if nothing was */
    struct target_counters counters;
};

struct health;

/* The share of its requests that a target was seen to take; -1: none has been counted. */
static inline double health_seen_share(const struct target_health *health)
{
    double all = (double)health->in_share + (double)health->out_of_share;

    return all > 0 ? (double)health->in_share / all : -1;
}

/* Told of each counter of the prober as a whole. */
typedef void health_counter(void *context, const char *name, uint64_t value);

/*
 * The health of a configuration's targets, unknown so far. The targets are
 * borrowed. NULL if there is no memory.
 */
struct health *health_new(const struct target *targets, size_t target_count);

/* Frees it; NULL is fine. */
void health_free(struct health *health);

/*
 * Looks for a newer file in an open state directory (-1: there is none), if now_s (seconds
 * since 1970) is another than at the call
 * before. What is older than three intervals of the prober's counts as unknown, as
 * does what is from the future. NULL is fine.
 */
void health_refresh(struct health *health, int directory, int64_t now_s);

/* Takes what is known of a target from the caller instead of the file. */
void health_put(struct health *health, const struct target *target,
                const struct target_health *known);

/* One target of the configuration's; never NULL. Costs an array's access. */
const struct target_health *health_of(const struct health *health, const struct target *target);

/* When the prober published last, seconds since 1970; 0: no file, or it is too old. */
int64_t health_published(const struct health *health);

/* The process of the prober that published last; 0 as above. */
int64_t health_prober(const struct health *health);

/*
 * Since when the prober distrusts this machine's own network, and takes no target out; seconds
 * since 1970, 0: it does not.
 */
int64_t health_network_doubt(const struct health *health);

/* Calls the function with each counter of the prober as a whole ("questions", "hits" …). */
void health_counters(const struct health *health, health_counter *counter, void *context);

#endif
