/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of lists: base64 of what `cosign sign-blob` and `openssl` make with a key of
 * ECDSA P-256 (over SHA-256, in DER) or Ed25519.
 */
#ifndef STATE_INDEX_KEY_H
#define STATE_INDEX_KEY_H

#include "state/index_list.h"

struct index_key;

/* Reads a PEM file. NULL with the reason, which names the file: no such key is in it. */
struct index_key *index_key_read_public(const char *file, struct why *why);
struct index_key *index_key_read_private(const char *file, struct why *why);

/* NULL is fine. */
void index_key_free(struct index_key *key);

/* Whether a signature is one of these bytes by this key, private or public. */
bool index_key_verify(const struct index_key *key, struct slice bytes, struct slice signature);

/* Writes a public key as PEM. */
void index_key_write(const struct index_key *key, FILE *out);

/* Signs bytes; NUL-terminated base64. False without memory. */
bool index_key_sign(const struct index_key *key, struct slice bytes,
                    char signature[INDEX_LIST_SIGNATURE_MAX + 1]);

#endif
