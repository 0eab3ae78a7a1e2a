/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of requests: by each responder since its last report to the
 * prober, and by the prober in all. Both use the same cells, so a report is a list
 * of cells and what is to be added to them. Memory depends on the number of
 * targets alone.
 */
#ifndef STATE_COUNTERS_H
#define STATE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "parse/classify.h"
#include "place/place.h"

struct config;

/* Continents as they are counted; the first stands for clients of unknown place, and for
 * requests that are answered here without a look at where the client is. */
enum { CONTINENTS = 8, CONTINENT_UNKNOWN = 0 };
extern const char *const counters_continents[CONTINENTS]; /* "unknown", "AF" … */

/* HTTP statuses as they are counted; the last one stands for all others. */
enum { STATUSES = 8 };
extern const char *const counters_statuses[STATUSES]; /* "200" … "other" */

enum { CLASSES = CLASS_OTHER + 1 };

/* Decisions by time: at most so many nanoseconds; the last bucket has no limit. */
enum { TOOK_BUCKETS = 14 };
extern const uint64_t counters_took_ns[TOOK_BUCKETS];

/* What else happens to a responder. */
enum happening {
    HAPPENED_CONNECTION,     /* a web server has connected */
    HAPPENED_STRANGER,       /* one that FCGI_WEB_SERVER_ADDRS does not list */
    HAPPENED_MALFORMED,      /* a request was refused, or a connection closed, for what was sent */
    HAPPENED_IN_TIME,        /* a request waited for the prober, and got its answer, */
    HAPPENED_LATE,           /* … or did not in time, */
    HAPPENED_DESERTED,       /* … or lost its prober */
    HAPPENED_NO_PROBER,      /* a request that could not ask, or got no answer at once */
    HAPPENED_CROWDED,        /* a request did not wait, since too many did */
    HAPPENED_RELOAD,         /* a configuration was taken */
    HAPPENED_REFUSED_RELOAD, /* … or refused */
    HAPPENED_LINE,           /* a line went into the log */
    HAPPENED_DROPPED_LINE,   /* … or did not, since it could not be written */
    HAPPENINGS
};
extern const char *const counters_happenings[HAPPENINGS]; /* "connections" … */

/* How it was known who holds an object that was asked for by digest. */
enum knowing { KNOWN_BY_INDEX, KNOWN_BY_CACHE, KNOWN_BY_PROBER, NOT_KNOWN, KNOWINGS };
extern const char *const counters_knowings[KNOWINGS]; /* "index" … "nobody" */

/* Arrays of uint64_t only: a cell is one of them, by its number. */
struct counters_general {
    uint64_t answered[CLASSES][STATUSES][CONTINENTS]; /* requests not sent to a target */
    uint64_t took[TOOK_BUCKETS]; /* requests, by the time until the decision was made */
    uint64_t took_ns;            /* … the sum of their times */
    uint64_t happened[HAPPENINGS];
    uint64_t known[KNOWINGS]; /* requests by digest whose way hung on who holds the object */
};

struct counters_target {
    uint64_t redirected[CLASS_ROUTED][CONTINENTS]; /* requests sent to it */
    uint64_t in_share, out_of_share; /* while it has one: requests meant for it, by their client */
    /* Requests meant for another that is down, of which it is the next: taken, or left there. */
    uint64_t extra_taken, extra_left;
    uint64_t passed_over; /* requests meant for it, sent elsewhere since it was down or drained */
};

/* Whose counts stand at a place in the list of targets. */
struct counters_owner {
    uint64_t id;      /* target.id */
    const char *name; /* NULL: no configuration has told it so far */
    char *own_name;   /* to be freed */
    unsigned turns;   /* for how many it has had no name */
};

/* A target that now counts with another one: it had the same name at another URL. */
struct counters_alias {
    uint64_t id;
    size_t place;
};

enum { COUNTERS_OTHERS_MAX = 256 /* targets of other configurations, and aliases */ };

struct counters {
    struct counters_general general;
    place_index continent[CONTINENTS];
    uint64_t changes;    /* so many additions */
    size_t target_count; /* the configuration's */
    size_t place_count;  /* and behind them those of former configurations, and of some to come */
    struct counters_owner *owner; /* of each place; names are the configuration's */
    size_t alias_count;
    struct counters_alias alias[COUNTERS_OTHERS_MAX];
    struct counters_target target[]; /* in the configuration's order, then the others */
};

/* Counters for a configuration's targets, which are borrowed, all zero. NULL: no memory. */
struct counters *counters_new(const struct config *config);

/* Frees them; NULL is fine. */
void counters_free(struct counters *counters);

/* Counts something else, n times. */
static inline void counters_happened(struct counters *counters, enum happening what, uint64_t n)
{
    counters->general.happened[what] += n;
}

/* What a cell holds, or what is to be added to it. */
struct count {
    uint64_t target; /* target.id; 0: a cell of the general ones */
    uint64_t n;
    uint32_t cell;
    uint32_t unused; /* 0 */
};

/*
 * The next cell that is not zero. *position is 0 at first. False: there is none.
 */
bool counters_next(const struct counters *counters, size_t *position, struct count *count);

/*
 * Adds to a cell. Responders and the prober do not reload at the same moment, so a target
 * that is not the configuration's gets a place of its own; without room for that, its requests
 * are counted without a target. False: there is no such cell, or n is beyond all reason.
 */
bool counters_add(struct counters *counters, const struct count *count);

/*
 * Takes over all that counters of a former configuration hold, which is still there. What was
 * counted for a target goes to the one with its URL, else to the one with its name, else it
 * stays under that name.
 */
void counters_succeed(struct counters *counters, const struct counters *former);

/*
 * Gives up to wait for a configuration that has a target which is reported and not known; to
 * be called every few seconds. After a minute its requests are counted without a target.
 */
void counters_settle(struct counters *counters);

/* Takes from a cell what was added elsewhere; it must hold that much. */
void counters_take_away(struct counters *counters, const struct count *count);

/* Adds what other counters hold, perhaps of another configuration. */
void counters_join(struct counters *counters, const struct counters *others);

/* All requests; those of a class, a status, a target or a continent. */
struct counters_sums {
    uint64_t all, class[CLASSES], status[STATUSES], continent[CONTINENTS];
};

struct counters_sums counters_sum(const struct counters *counters);

/* All requests that were sent to a target. */
uint64_t counters_sum_target(const struct counters_target *target);

#endif
