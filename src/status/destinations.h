/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients go from every place that is known: by the decisions that requests get. */
#ifndef STATUS_DESTINATIONS_H
#define STATUS_DESTINATIONS_H

#include <stddef.h>
#include "config/configuration.h"
#include "state/knowledge.h"

/* What a pull asks for first, and most of its bytes. */
enum pull_part { PULL_IMAGE, PULL_LAYER, PULL_PARTS };

/* Where most clients of one country or cloud region go. */
struct destination {
    place_index place;
    const struct target *target[PULL_PARTS]; /* NULL if they get no redirect */
    unsigned percent[PULL_PARTS];            /* 100, unless shares send some elsewhere */
};

struct destinations {
    struct destination *list; /* countries and regions, by place_index */
    size_t count;
};

/*
 * Asks for an image's tag and for a layer on behalf of every place, as if every target
 * that may be asked for the layer had it; knowledge may be NULL. While a target takes
 * only a part of its clients, a few clients are asked for in each place. Borrows targets
 * from the configuration. False if there is no memory.
 */
bool destinations_find(struct destinations *destinations, const struct config *config,
                       const struct knowledge *knowledge);

void destinations_free(struct destinations *destinations);

#endif
