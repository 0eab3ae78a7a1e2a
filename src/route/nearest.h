/* SPDX-License-Identifier: Apache-2.0 */
/* Which target is nearest to a client, or serves it by name. */
#ifndef ROUTE_NEAREST_H
#define ROUTE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include "config/client.h"
#include "config/configuration.h"

/* Why a target stands where it does; a greater value goes first. */
enum nearness {
    NEAR_NOT,       /* nothing speaks for it */
    NEAR_DEFAULT,   /* the default upstream */
    NEAR_CONTINENT, /* it is on the client's continent */
    NEAR_COUNTRY,   /* it is in the client's country */
    NEAR_DISTANCE,  /* both are at known points */
    NEAR_SERVES_ALL,
    NEAR_SERVES_CONTINENT,
    NEAR_SERVES_COUNTRY,
    NEAR_SERVES_REGION,
    NEAR_NAMED /* the client's region names it */
};

struct rank {
    enum nearness nearness;
    float closeness; /* cosine of the angle between client and target, at NEAR_DISTANCE and above */
};

/* How near a target is to a client. */
struct rank nearest_rank(const struct config *config, const struct client *client,
                         const struct target *target);

/* Whether a ranks before b. */
bool nearest_before(struct rank a, struct rank b);

/* Whether a goes before b for the client: by rank, and of equals by the file's order. */
bool nearest_precedes(const struct config *config, const struct client *client,
                      const struct target *a, const struct target *b);

/* Whether a target may be taken. */
typedef bool nearest_filter(void *context, const struct target *target);

/*
 * The upstream nearest to the client among those for which allowed() is true
 * (all if it is NULL); the first in the file of equals. NULL if none is allowed. It is
 * called for each that goes before the result, and for some others.
 */
const struct target *nearest_upstream(const struct config *config, const struct client *client,
                                      nearest_filter *allowed, void *context);

/* The bucket that serves the client's place, by the same order; NULL if none does. */
const struct target *nearest_bucket(const struct config *config, const struct client *client,
                                    nearest_filter *allowed, void *context);

#endif
