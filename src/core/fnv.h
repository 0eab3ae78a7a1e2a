/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FNV-1a, 64 bits: for identities and hash tables. It is no protection: who chooses the bytes can
 * choose collisions.
 */
#ifndef CORE_FNV_H
#define CORE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* The hash of what has been hashed so far (first FNV_START), and len bytes more. */
static inline uint64_t fnv_mix(uint64_t hash, const void *at, size_t len)
{
    const uint8_t *bytes = at;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
