/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a pinned object (check_object) as it comes: whole, then from its middle on, in
 * pieces of any size, cut, longer, other bytes, with another status. The verdict must be that
 * of a comparison of bytes. The input is options, the object, and then operations.
 */
#include "config.h"
#include "input.h"

#ifndef HAVE_REGISTRY
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include "prober/proof_body.h"
#include "registry/digest.h"

enum { OBJECT_MAX = 4096, ANSWER_MAX_LEN = 8192, ROUNDS = 8 };

struct world {
    struct input input;
    struct slice object;
    struct proof_body *body;
    char answer[ANSWER_MAX_LEN]; /* what has come of this one */
    size_t len;
    bool is_rest; /* its first bytes had the status 206 */
};

static void give(struct world *world, int status, struct slice bytes)
{
    char *copy = tight_copy(bytes);

    if (bytes.len > 0 && bytes.len <= sizeof world->answer - world->len) {
        if (world->len == 0)
            world->is_rest = status == 206;
        memcpy(world->answer + world->len, bytes.at, bytes.len);
        world->len += bytes.len;
        must(proof_body_add(world->body, status, (struct slice){copy, bytes.len}),
             "a body that is not too long is taken");
        must(proof_body_size(world->body) == world->len, "its bytes are counted");
    }
    free(copy);
}

/* The object from where the answer is to begin, in pieces. */
static void give_right(struct world *world, int status)
{
    size_t from = status == 206 ? (size_t)proof_body_from(world->body) : 0;
    size_t piece = 1 + take_byte(&world->input) * 16;

    if (from > world->object.len)
        return;
    for (size_t at = from; at < world->object.len; at += piece) {
        struct slice rest = slice_from(world->object, at);
        give(world, status, rest.len < piece ? rest : slice_to(rest, piece));
    }
}

/* The object with one byte changed, or without its end. */
static void give_bent(struct world *world, int status)
{
    char *copy = tight_copy(world->object);
    size_t len = world->object.len, at = len ? take_number(&world->input, 2) % len : 0;
    unsigned bits = take_byte(&world->input);

    if (len)
        copy[at] = (char)(copy[at] ^ (int)bits);
    give(world, status, (struct slice){copy, bits == 0 ? at : len});
    free(copy);
}

static void take_answer(struct world *world)
{
    unsigned what = take_byte(&world->input);
    int status = what & 128 ? 206 : 200;

    world->len = 0;
    world->is_rest = false;
    for (unsigned i = 0; i <= what / 32 % 4; i++) {
        if (what % 4 == 0)
            give(world, status, take_bytes(&world->input, take_byte(&world->input)));
        else if (what % 4 == 3)
            give_bent(world, status);
        else if (i == 0)
            give_right(world, status);
    }
}

/* Whether an answer is right, by a look at its bytes. */
static bool is_right(const struct world *world, uint64_t from)
{
    struct slice wanted = slice_from(world->object, world->is_rest ? (size_t)from : 0);

    return slice_equal(wanted, (struct slice){world->answer, world->len});
}

static void run(struct world *world)
{
    bool was_rest = false;

    for (int i = 0; i < ROUNDS && world->input.left > 0; i++) {
        uint64_t from = proof_body_from(world->body);
        must(was_rest || from == 0, "the first answer is the whole");
        take_answer(world);
        bool wanted = is_right(world, from);
        must(proof_body_end(world->body) == wanted, "a right body is right, and no other");
        must(proof_body_size(world->body) == 0, "the next answer begins anew");
        if (!wanted)
            return; /* as the prober does: it begins with a new one */
        from = proof_body_from(world->body);
        must(from < world->object.len || world->object.len <= 1, "a part of it is left to ask for");
        must(world->object.len < 2 || 2 * from >= world->object.len, "its second half, about");
        was_rest = true;
    }
}

/* A body without an end is not read for ever. */
static void run_endless(struct world *world)
{
    static const char zeros[1 << 20];
    unsigned taken = 0;

    while (proof_body_add(world->body, 200, (struct slice){zeros, sizeof zeros}))
        must(++taken <= PROOF_SIZE_MAX / sizeof zeros, "what is too long is refused");
    must(!proof_body_end(world->body), "and is not right");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world whole;
    struct world *world = &whole;
    char digest[DIGEST_SHA256_TEXT];

    world->input = (struct input){data, size < 16384 ? size : 16384};
    world->object = take_bytes(&world->input, take_number(&world->input, 2) % OBJECT_MAX);
    must(digest_of(world->object, digest), "there is memory");
    world->body = proof_body_new(slice_of(digest));
    must(world->body && proof_body_is_of(world->body, slice_of(digest)), "it can be proven");
    if (size == 3 && memcmp(data, "\0\0~", 3) == 0)
        run_endless(world); /* which takes long, so it is done for one input alone */
    else
        run(world);
    proof_body_free(world->body);
    return 0;
}
#endif
