/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes discs apart until none lies upon another, each as near to its home as may be. */
#ifndef STATUS_MAP_SPREAD_H
#define STATUS_MAP_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include "status/equal_earth.h"

struct disc {
    struct spot home, at;
    double radius;
    bool fixed; /* others give way to it */
};

/* Moves the discs; takes a bounded time, and the same discs come out the same. */
void map_spread(struct disc *discs, size_t count);

#endif
