/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-512 (FIPS 180-4), to check that content is what was asked for. */
#ifndef REGISTRY_SHA2_H
#define REGISTRY_SHA2_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA512_SIZE = 64 };

/* The hash of len bytes. */
void sha256(const void *bytes, size_t len, uint8_t hash[SHA256_SIZE]);
void sha512(const void *bytes, size_t len, uint8_t hash[SHA512_SIZE]);

#endif
