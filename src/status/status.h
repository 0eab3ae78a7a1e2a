/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How everything is at one moment, as plain data: what the prober knows of the
 * targets, and what all responders have counted. It borrows all that it points to.
 * Those who write it down in one form or another (see public.h) need nothing else.
 */
#ifndef STATUS_STATUS_H
#define STATUS_STATUS_H

#include "config/configuration.h"
#include "state/counters.h"
#include "state/health.h"
#include "state/index_status.h"

/* One counter of the prober as a whole ("questions", "hits" …). */
struct counter_line {
    const char *name;
    uint64_t value;
};

struct atlas;

struct status_target {
    const struct target *target; /* name, kind, place, URL */
    struct target_health health; /* up, since when, last failure, what it was asked */
    bool drained;                /* by the operator */
    double share;                /* which part it is to take: configured, or set by the operator */
    double takes;                /* which part of the requests meant for it it takes now, 0 to 1 */
    const struct counters_target *counted; /* requests sent to it */
};

struct status {
    const char *version; /* signpost's */
    const struct config *config;
    int64_t now_s, started_s; /* seconds since 1970: now, and when counting began */
    int64_t network_doubt_s;  /* since when the prober distrusts its own network; 0: it does not */
    int process;              /* the prober's */
    struct status_target target[TARGETS_MAX]; /* in the configuration's order */
    size_t target_count;
    const struct counters *counters; /* requests, by class, status, target, continent … */
    const struct counter_line *prober;
    size_t prober_count;
    struct index_status index; /* its sources, as they were last asked */
    const struct atlas *atlas; /* the maps, as things are; NULL where there are none */
};

/* "up", "down", "returning", "drained" or "not checked". health may be NULL: not checked. */
const char *status_word(const struct target_health *health, bool drained);

/*
 * What the prober has asked of a target, as a JSON object, NULL without memory; sent is the name
 * of the number of its probes there. Only with jansson.
 */
struct json_t;
struct json_t *status_probes_json(const struct target_counters *counters, const char *sent);

/* "upstream" or "bucket". */
const char *status_kind(const struct target *target);

#endif
