/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a target serves what it should: the proof by an object that is pinned in
 * the configuration (`check_object`), fetched whole and from its middle on. Free of
 * I/O, with clock and chance passed in. A target that has not been proven, or has
 * failed, gets no requests.
 */
#ifndef PROBER_PROOF_H
#define PROBER_PROOF_H

#include "prober/monitor.h"
#include "prober/proof_body.h"
#include "state/health.h"

enum proof_state {
    PROOF_NOT_ASKED, /* nothing is pinned, or this build knows no digests */
    PROOF_OPEN,      /* it has not been proven yet */
    PROOF_GOOD,
    PROOF_BAD
};

struct proof {
    enum proof_state state;
    unsigned good, bad; /* in a row */
    int64_t next_ms;
    struct proof_body *body; /* while it is being fetched, even if nothing is pinned any more */
    int64_t failed_s;        /* seconds since 1970; 0: it has not failed */
    char failure[HEALTH_FAILURE_SIZE];
};

/* Nothing is pinned any more, or something is: at a new target, or at one in use. */
void proof_expect(struct proof *proof, bool pinned, bool is_new);

/* What an earlier prober has found of a target of which something is pinned. */
void proof_recall(struct proof *proof, const struct target_health *before);

/* Whether the target may have requests, as far as the proof goes. */
static inline bool proof_holds(const struct proof *proof)
{
    return proof->state == PROOF_NOT_ASKED || proof->state == PROOF_GOOD;
}

/* Whether the object is to be fetched now; one that holds waits for the target to be used. */
bool proof_due(const struct proof *proof, bool in_use, struct instant now);

/* The outcome of one fetch. */
enum proof_outcome {
    PROOF_RIGHT,
    PROOF_DAMAGED, /* all came, and it was something else: that counts at once */
    PROOF_MISSED,  /* it could not be had: that counts as a bad check does */
    PROOF_NOTHING  /* nothing was found out: it is asked again soon */
};

/* Takes it in, with what was wrong. Returns whether the target's state changed. */
bool proof_take(struct proof *proof, const struct probing *rules, struct jitter *jitter,
                enum proof_outcome outcome, const char *failure, struct instant now);

#endif
