/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits. Whoever
 * does not know the key cannot find two inputs with the same hash.
 */
#ifndef CORE_SIPHASH_H
#define CORE_SIPHASH_H

#include <stdint.h>
#include "core/slice.h"

enum { SIPHASH_KEY_SIZE = 16 };

/* The hash of some bytes. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], struct slice bytes);

#endif
