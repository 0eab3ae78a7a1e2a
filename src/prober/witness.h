/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witnesses of a target: objects that it has served, asked for again by its checks to
 * see whether it serves content. No stranger can have a target fail: only objects become
 * witnesses that the target itself has answered with a verified 200, and one alone
 * never decides.
 *
 * Checks that find a witness failing make a run: each next one asks another witness, and
 * one that is served ends the run.
 */
#ifndef PROBER_WITNESS_H
#define PROBER_WITNESS_H

#include "core/instant.h"
#include "parse/oci.h"
#include "prober/jitter.h"
#include "prober/reply.h"

enum { WITNESSES_MAX = 8, WITNESSES_ENOUGH = 4 };

struct witness {
    uint32_t number; /* its name, never used again */
    bool is_manifest;
    bool is_pinned;            /* it is the configuration's, and stays */
    enum witness_meaning mark; /* in this run; WITNESS_NEITHER: not asked */
    unsigned asking;           /* requests under way */
    uint16_t name_len, digest_len;
    char text[OCI_NAME_MAX + OCI_DIGEST_MAX];
};

/* All zero: none. */
struct witnesses {
    struct witness list[WITNESSES_MAX];
    size_t count;
    uint32_t last_number;
    bool has_replaced;
    int64_t replaced_ms;
};

/* What follows from the last answer of a run. */
enum content {
    CONTENT_SERVED,  /* it serves content, or nothing can be said against it */
    CONTENT_SUSPECT, /* another witness is to be asked */
    CONTENT_FAILS,   /* it does not serve content */
    CONTENT_EMPTIED, /* it has lost its content, but answers: what is known of it is wrong */
    CONTENT_NOT_TOLD /* the answer says nothing */
};

/*
 * Offers an object that the target has just served. It is taken if no other witness is of
 * its repository or its digest and there is room; of a full list, one drawn at random gives way, at
 * most one an hour.
 */
void witnesses_offer(struct witnesses *witnesses, const struct object *object,
                     struct jitter *jitter, struct instant now);

/* The witness that the configuration names (`check_object`); NULL: none. */
void witnesses_pin(struct witnesses *witnesses, const struct object *object);

/* Whether more are wanted than there are. */
static inline bool witnesses_wanted(const struct witnesses *witnesses)
{
    return witnesses->count < WITNESSES_ENOUGH;
}

/*
 * Whether one of them is of this repository, or of this digest: one object under several names
 * would be one witness that counts as many.
 */
bool witnesses_know(const struct witnesses *witnesses, const struct object *object);

/*
 * The one to ask now: drawn at random from those not asked in this run, else from all. NULL:
 * there is none, or a bucket is to be asked for the empty blob.
 */
struct witness *witnesses_choose(struct witnesses *witnesses, enum target_kind kind,
                                 struct jitter *jitter);

/* The one with this number, or NULL: it has gone. */
struct witness *witnesses_find(struct witnesses *witnesses, uint32_t number);

struct object witness_object(const struct witness *witness);

/* Takes in what a witness, found by its number, was answered with. */
enum content witnesses_take(struct witnesses *witnesses, uint32_t number,
                            enum witness_meaning answer, enum target_kind kind);

/* A bucket has answered for the empty blob: the run is over. */
void witnesses_end_run(struct witnesses *witnesses);

/* Whether this run has seen content fail: what CONTENT_FAILS says. */
bool witnesses_fail(const struct witnesses *witnesses);

#endif
