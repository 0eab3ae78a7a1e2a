/* SPDX-License-Identifier: Apache-2.0 */
/* What a target is asked: URLs, and the redirects that are followed. Pure. */
#ifndef PROBER_PROBE_H
#define PROBER_PROBE_H

#include <stdbool.h>
#include "config/configuration.h"
#include "config/holding.h"
#include "core/text.h"

enum { PROBE_URL_MAX = 4096 };

/* All manifest types of OCI and Docker: a registry may answer 404 for one that is not asked for. */
extern const char probe_accept[];

/* The URL of an object at a target, with a NUL. False if it does not fit. */
bool probe_object_url(struct text *out, const struct target *target, const struct object *object);

/* The URL of a check: an upstream's `health_path`, or at a bucket the empty blob. */
bool probe_check_url(struct text *out, const struct target *target, const struct probing *rules);

/*
 * Whether a redirect may be followed: to http or https (not from https to http),
 * and to a host of a target or one of `redirect_hosts`.
 */
bool probe_may_follow(const struct config *config, const char *from, const char *to);

#endif
