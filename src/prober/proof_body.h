/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a pinned object as they come: first all of them, then those from some
 * place in its second half on. They go through the digest, and are kept nowhere.
 */
#ifndef PROBER_PROOF_BODY_H
#define PROBER_PROOF_BODY_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"

/* More than this is not read. */
enum { PROOF_SIZE_MAX = 64 * 1024 * 1024 };

struct proof_body;

/* Whether this build can tell digests, and a digest is of a kind that it knows. */
bool proof_body_possible(struct slice digest);

/* For an object of this digest, which is copied. NULL if that is not possible. */
struct proof_body *proof_body_new(struct slice digest);

/* Whether it is for this digest. */
bool proof_body_is_of(const struct proof_body *body, struct slice digest);

/* NULL is fine. */
void proof_body_free(struct proof_body *body);

/*
 * Takes bytes of an answer with this status: 200, all of the object; 206, those from
 * proof_body_from() on. False: it is too long.
 */
bool proof_body_add(struct proof_body *body, int status, struct slice bytes);

/* Where the answer that is expected begins. */
uint64_t proof_body_from(const struct proof_body *body);

/* How many bytes of the answer have come. */
uint64_t proof_body_size(const struct proof_body *body);

/* The answer has ended: whether it was right. Then another one may be taken. */
bool proof_body_end(struct proof_body *body);

#endif
