/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a target holds an object, as far as anybody knows. */
#ifndef HOLDING_H
#define HOLDING_H

#include "classify.h"
#include "slice.h"
#include "target.h"

enum holding { HOLDING_UNKNOWN, HOLDING_PRESENT, HOLDING_ABSENT };

/* An object as it is asked for: a manifest or a blob, by digest. Borrowed. */
struct object {
    enum endpoint endpoint; /* ENDPOINT_MANIFESTS or ENDPOINT_BLOBS */
    struct slice name;      /* of the repository, without any prefix */
    struct slice digest;
};

enum { FINDINGS_MAX = 8 };

/* What the prober has answered for one object. */
struct findings {
    const struct target *target[FINDINGS_MAX];
    enum holding holding[FINDINGS_MAX];
    size_t count;
};

#endif
