/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to an image, as the canonical registry has it: manifests which must
 * arrive by digest, by way of the front door, with all that they consist of.
 */
#ifndef CMD_VERIFY_FOUND_H
#define CMD_VERIFY_FOUND_H

#include "cmd/verify/trial.h"
#include "registry/digest.h"

enum { FOUND_MAX = 1000 }; /* manifests for one image */

/* Start it with {0}. */
struct found {
    struct digest_set manifests;
};

/*
 * Asks the front door for something that is to be at the canonical registry, with a
 * fault if it does not lead there; then it is asked for there. True: it is there, and
 * the journey's answer has it. The journey is to be ended in any case.
 */
bool found_ask(struct trial *trial, const char *target, const char *accept,
               struct journey *journey);

/*
 * The same for a tag: the manifest it leads to, if any, is found, and so are those in
 * it, if it is an index.
 */
void found_look(struct found *found, struct trial *trial, const char *target);

/* Adds what an index lists, up to FOUND_MAX. False if it is no index. */
bool found_add_listed(struct found *found, struct slice index);

/* Makes two checks: that what was found arrives by digest, and what it consists of as well. */
void found_examine(const struct found *found, struct inspection *inspection, enum check digest,
                   enum check content, const char *none);

/* Why it cannot be told whether the front door leads to the canonical registry. */
extern const char found_unknown[];

void found_clear(struct found *found);

#endif
