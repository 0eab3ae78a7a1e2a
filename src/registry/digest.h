/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of content, and sets of them. */
#ifndef REGISTRY_DIGEST_H
#define REGISTRY_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"

enum { DIGEST_SHA256_TEXT = 7 + 64 + 1 };

/* The sha256 digest of content, NUL-terminated. False, with an empty text, without memory. */
bool digest_of(struct slice content, char text[DIGEST_SHA256_TEXT]);

enum digest_verdict {
    DIGEST_RIGHT,
    DIGEST_WRONG,
    DIGEST_OF_UNKNOWN_KIND,
    DIGEST_NOT_MADE /* there was no memory: it is not known */
};

/* Whether content has this digest; sha256 and sha512 are known. */
enum digest_verdict digest_verify(struct slice digest, struct slice content);

/* The same for content that comes piece by piece. */
struct digest_hash;

/*
 * NULL for a digest of unknown kind, or without memory, as a copy of NULL is; adding to that
 * does nothing. End it with digest_hash_end.
 */
struct digest_hash *digest_hash_start(struct slice digest);
struct digest_hash *digest_hash_copy(const struct digest_hash *hash);
void digest_hash_add(struct digest_hash *hash, struct slice bytes);

/* Whether what was added has the digest; frees the hash. Of NULL: DIGEST_NOT_MADE. */
enum digest_verdict digest_hash_end(struct digest_hash *hash, struct slice digest);

/* Digests, sorted by their bytes, each there once. Start it with {0}. */
struct digest_set {
    char **list; /* NUL-terminated; the set's own */
    size_t count, room;
    bool starved; /* there was no memory for some: who uses the set must look */
};

/* Adds a digest, which is copied; without memory, the set is marked as starved. */
void digest_set_add(struct digest_set *set, struct slice digest);

/* Adds a digest, a space and the name of a repository: a line of an index (see index_file.h). */
void digest_set_add_line(struct digest_set *set, struct slice digest, struct slice repository);

bool digest_set_has(const struct digest_set *set, struct slice digest);

/* Adds to a set all of another, and its mark. */
void digest_set_merge(struct digest_set *set, const struct digest_set *other);

/* Takes out of a set all that is in another, whose mark it takes over. */
void digest_set_subtract(struct digest_set *set, const struct digest_set *other);

/* Frees what the set holds and makes it empty. */
void digest_set_clear(struct digest_set *set);

#endif
