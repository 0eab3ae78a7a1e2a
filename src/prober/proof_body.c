/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/proof_body.h"

#ifndef HAVE_REGISTRY
bool proof_body_possible(struct slice digest)
{
    (void)digest;
    return false;
}

struct proof_body *proof_body_new(struct slice digest)
{
    (void)digest;
    return NULL;
}

bool proof_body_is_of(const struct proof_body *body, struct slice digest)
{
    (void)body, (void)digest;
    return false;
}

void proof_body_free(struct proof_body *body)
{
    (void)body;
}

bool proof_body_add(struct proof_body *body, int status, struct slice bytes)
{
    (void)body, (void)status, (void)bytes;
    return false;
}

uint64_t proof_body_from(const struct proof_body *body)
{
    (void)body;
    return 0;
}

uint64_t proof_body_size(const struct proof_body *body)
{
    (void)body;
    return 0;
}

bool proof_body_end(struct proof_body *body)
{
    (void)body;
    return false;
}
#else

#include <stdlib.h>
#include "parse/oci.h"
#include "registry/digest.h"

struct proof_body {
    struct digest_hash *hash; /* of what has come; NULL: nothing yet */
    uint64_t size;            /* of this answer */
    /*
     * The state of the whole object's hash at the greatest power of two below its size,
     * so that only the bytes from there on are needed to get to its digest again.
     */
    struct digest_hash *mark;
    uint64_t mark_at; /* 0: the answer is to be all of it */
    bool is_rest;     /* the whole has been there */
    size_t digest_len;
    char digest[OCI_DIGEST_MAX];
};

static struct slice digest_of_body(const struct proof_body *body)
{
    return (struct slice){body->digest, body->digest_len};
}

bool proof_body_possible(struct slice digest)
{
    return slice_starts(digest, SLICE("sha256:")) || slice_starts(digest, SLICE("sha512:"));
}

struct proof_body *proof_body_new(struct slice digest)
{
    struct proof_body *body = NULL;

    if (proof_body_possible(digest) && digest.len <= OCI_DIGEST_MAX)
        body = calloc(1, sizeof *body);
    if (!body)
        return NULL;
    body->digest_len = digest.len;
    memcpy(body->digest, digest.at, digest.len);
    return body;
}

bool proof_body_is_of(const struct proof_body *body, struct slice digest)
{
    return slice_equal(digest_of_body(body), digest);
}

static void drop(struct proof_body *body, struct digest_hash **hash)
{
    if (*hash)
        digest_hash_end(*hash, digest_of_body(body));
    *hash = NULL;
}

void proof_body_free(struct proof_body *body)
{
    if (!body)
        return;
    drop(body, &body->hash);
    drop(body, &body->mark);
    free(body);
}

/* The first bytes tell by their status from where on they are. */
static void start(struct proof_body *body, int status)
{
    if (body->is_rest && status == 206 && body->mark)
        body->hash = digest_hash_copy(body->mark);
    else
        body->hash = digest_hash_start(digest_of_body(body));
}

static void set_mark(struct proof_body *body)
{
    drop(body, &body->mark);
    body->mark = digest_hash_copy(body->hash);
    body->mark_at = body->size;
}

/* How many bytes there are until the next mark. */
static size_t until_mark(const struct proof_body *body, size_t len)
{
    uint64_t next = 1;

    while (next <= body->size)
        next *= 2;
    return next - body->size < len ? (size_t)(next - body->size) : len;
}

bool proof_body_add(struct proof_body *body, int status, struct slice bytes)
{
    if (bytes.len > PROOF_SIZE_MAX - body->size)
        return false;
    if (!body->hash)
        start(body, status);
    while (bytes.len > 0) {
        bool at_mark = body->size > 0 && (body->size & (body->size - 1)) == 0;
        if (!body->is_rest && at_mark && body->size > body->mark_at)
            set_mark(body);
        size_t len = body->is_rest ? bytes.len : until_mark(body, bytes.len);
        digest_hash_add(body->hash, slice_to(bytes, len));
        body->size += len;
        bytes = slice_from(bytes, len);
    }
    return true;
}

uint64_t proof_body_from(const struct proof_body *body)
{
    return body->is_rest ? body->mark_at : 0;
}

uint64_t proof_body_size(const struct proof_body *body)
{
    return body->size;
}

bool proof_body_end(struct proof_body *body)
{
    bool right = false;

    if (!body->hash)
        start(body, 200);
    right = digest_hash_end(body->hash, digest_of_body(body)) == DIGEST_RIGHT;
    body->hash = NULL;
    body->size = 0;
    body->is_rest = true;
    return right;
}
#endif
