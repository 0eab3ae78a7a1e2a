/* SPDX-License-Identifier: Apache-2.0 */
/* What a target is asked, and what its answer means. Pure. */
#ifndef PROBER_PROBE_H
#define PROBER_PROBE_H

#include <stdbool.h>
#include "configuration.h"
#include "holding.h"
#include "prober/pulse.h"
#include "text.h"

enum { PROBE_URL_MAX = 4096 };

/* All manifest types of OCI and Docker: a registry may answer 404 for one that is not asked for. */
extern const char probe_accept[];

/* The URL of an object at a target, with a NUL. False if it does not fit. */
bool probe_object_url(struct text *out, const struct target *target, const struct object *object);

/* The URL of a check: an upstream's `health_path`, or at a bucket an object that may be missing. */
bool probe_check_url(struct text *out, const struct target *target, const struct probing *rules);

/*
 * Whether a redirect may be followed: to http or https (not from https to http),
 * and to a host of a target or one of `redirect_hosts`.
 */
bool probe_may_follow(const struct config *config, const char *from, const char *to);

/* How a request ended. */
struct probe_result {
    int status;        /* of the last answer; 0: there was none */
    bool other_object; /* its digest is not the one asked for */
    bool led_away;     /* it redirected to where must not be gone */
    unsigned took_ms;
    const char *failure; /* of one without an answer, in a few words */
};

struct probe_verdict {
    enum holding holding;
    enum pulse_answer health;
};

/*
 * What the answer to a HEAD for an object means: 200, it is there; 404, it is
 * not; 403, it is not (buckets: S3 without the right to list says so); 401, 429, 5xx or
 * no answer: not known, and bad for the target's health; all else: not known.
 */
struct probe_verdict probe_meaning(const struct probe_result *result, enum target_kind kind);

/* What the answer to a check means for the target's health. */
enum pulse_answer probe_check_meaning(const struct probe_result *result, enum target_kind kind,
                                      const struct probing *rules);

#endif
