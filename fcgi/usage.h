/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which targets requests are sent to, for the prober: it checks those in use, and asks them
 * now and then for an object that a client was sent there for.
 */
#ifndef USAGE_H
#define USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "asker.h"
#include "config/configuration.h"

struct usage;

/* Of a configuration's targets, which are borrowed. NULL: no memory. */
struct usage *usage_new(const struct config *config, uint64_t seed);

/* NULL is fine. */
void usage_free(struct usage *usage);

/*
 * A request was sent to a target of the configuration. object: what it was for, if that is
 * an object by digest, else NULL. Of many objects, one is kept by chance.
 */
void usage_note(struct usage *usage, const struct target *target, const struct object *object);

/*
 * Tells the prober of the targets in use: of each at once when it is used first or anew, then
 * every 20 seconds. now: ms of the loop's clock.
 */
void usage_tell(struct usage *usage, struct asker *asker, uint64_t now);

/* There is a new prober, which has been told nothing. */
void usage_tell_again(struct usage *usage);

#endif
