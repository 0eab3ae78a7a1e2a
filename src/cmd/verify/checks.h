/* SPDX-License-Identifier: Apache-2.0 */
/* All that is checked: what must hold, who breaks where it does not and how, and the cure. */
#ifndef CMD_VERIFY_CHECKS_H
#define CMD_VERIFY_CHECKS_H

#include <stdbool.h>
#include "core/slice.h"

enum check {
    /* of the front door */
    CHECK_PING,
    CHECK_PING_HEAD,
    CHECK_PING_BARE,
    CHECK_PING_HEADERS,
    CHECK_METHODS,
    CHECK_HEAD,
    CHECK_DOTS,
    CHECK_INJECTION,
    CHECK_BAD_DIGEST,
    CHECK_LONG_TAG,
    CHECK_ERRORS,
    /* of an image */
    CHECK_TAG,
    CHECK_TAG_HEAD,
    CHECK_DIGEST,
    CHECK_DIGEST_HEAD,
    CHECK_PLATFORMS,
    CHECK_BLOBS,
    CHECK_BLOBS_HEAD,
    CHECK_RANGE,
    CHECK_TAGS,
    CHECK_TAGS_PAGES,
    CHECK_UNSIGNED,
    CHECK_SIG,
    CHECK_ATT,
    CHECK_SBOM,
    CHECK_SIGNATURE_DIGEST,
    CHECK_SIGNATURE_CONTENT,
    CHECK_REFERRERS,
    CHECK_REFERRERS_QUERY,
    CHECK_REFERRERS_TYPE,
    CHECK_FALLBACK,
    CHECK_REFERRER_DIGEST,
    CHECK_REFERRER_CONTENT,
    CHECKS /* how many there are */
};

struct check_words {
    const char *key;      /* for programs, "signature-digest" */
    const char *name;     /* for people, behind "team/app:v1: " */
    const char *expected; /* what a good front door does */
    const char *breaks;   /* which clients fail otherwise, and how */
    const char *cure;     /* what to do about it */
};

extern const struct check_words check_words[CHECKS];

/* The check with a key; false if there is none. */
bool check_find(enum check *check, struct slice key);

#endif
