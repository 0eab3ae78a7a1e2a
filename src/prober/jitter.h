/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from a seed (xorshift64*), for what must only be spread, not secret. */
#ifndef PROBER_JITTER_H
#define PROBER_JITTER_H

#include <stdint.h>

/* Seeded with anything but 0. */
struct jitter {
    uint64_t state;
};

/* From 0 up to 1, which is excluded. */
static inline double jitter_next(struct jitter *jitter)
{
    uint64_t x = jitter->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    jitter->state = x;
    return (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* A whole number from 0 up to count, which is excluded; count is not 0. */
static inline uint64_t jitter_below(struct jitter *jitter, uint64_t count)
{
    return (uint64_t)(jitter_next(jitter) * (double)count);
}

#endif
