/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check as it is made, and what came of it: a finding. Findings are JSON objects,
 * which are printed, kept in a file to go on from, and given out with --json.
 */
#ifndef CMD_VERIFY_TRIAL_H
#define CMD_VERIFY_TRIAL_H

#include <jansson.h>
#include <stddef.h>
#include "cmd/verify/checks.h"
#include "cmd/verify/journey.h"
#include "core/slice.h"

/* All that is checked of one subject from one place. */
struct inspection {
    struct traveller traveller;
    const char *subject; /* "the front door", or an image as it was named */
    struct slice name;   /* of a repository; perhaps of one that is not there */
    json_t *findings;    /* an array, which grows */
};

struct trial {
    struct inspection *inspection;
    enum check check;
    size_t tried, failed; /* how many things have been looked at, and how many were wrong */
    json_t *faults;       /* the first few of them */
};

struct trial trial_begin(struct inspection *inspection, enum check check);

/* Something has been looked at; it may be a fault yet. */
void trial_try(struct trial *trial);

/* What was looked at is wrong, as the clause tells; the journey (or NULL) shows it. */
__attribute__((format(printf, 3, 4))) void trial_fault(struct trial *trial,
                                                       const struct journey *journey,
                                                       const char *format, ...);

/* Text from a stranger, cut; what is no ASCII, or could move a cursor, becomes '?'. */
json_t *safe_text(const char *text);

/* Adds the finding. Where nothing was looked at, it is skipped, for this reason. */
void trial_end(struct trial *trial, const char *reason);

#endif
