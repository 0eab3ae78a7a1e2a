/* SPDX-License-Identifier: Apache-2.0 */
/* A point in time, by both clocks; passed in, so that tests need not wait. */
#ifndef CORE_INSTANT_H
#define CORE_INSTANT_H

#include <stdint.h>
#include <time.h>

struct instant {
    int64_t steady_ms; /* never goes back */
    int64_t wall_s;    /* seconds since 1970; may be set */
};

static inline struct instant instant_now(void)
{
    struct timespec steady, wall;

    clock_gettime(CLOCK_MONOTONIC, &steady);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct instant){(int64_t)steady.tv_sec * 1000 + steady.tv_nsec / 1000000,
                            (int64_t)wall.tv_sec};
}

#endif
