/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a target holds an object, as far as anybody knows. */
#ifndef CONFIG_HOLDING_H
#define CONFIG_HOLDING_H

#include "config/target.h"
#include "core/slice.h"
#include "parse/classify.h"
#include "parse/oci.h"

enum holding { HOLDING_UNKNOWN, HOLDING_PRESENT, HOLDING_ABSENT };

/* An object as it is asked for: a manifest or a blob, by digest. Borrowed. */
struct object {
    enum endpoint endpoint; /* ENDPOINT_MANIFESTS or ENDPOINT_BLOBS */
    struct slice name;      /* of the repository, without any prefix */
    struct slice digest;
};

/*
 * Whether a target can be asked for an object. Registries fail at digests of other algorithms
 * and at names that are too long with their prefix: distribution answers 500 to both.
 */
static inline bool holding_can_be_asked(const struct target *target, const struct object *object)
{
    size_t prefix = target->prefix.len > 0 ? target->prefix.len + 1 : 0;

    return (object->endpoint == ENDPOINT_MANIFESTS || object->endpoint == ENDPOINT_BLOBS) &&
           oci_is_probeable(object->digest) &&
           (target->kind == TARGET_BUCKET || prefix + object->name.len <= OCI_NAME_MAX);
}

enum { FINDINGS_MAX = 8 };

/* What the prober has answered for one object. */
struct findings {
    const struct target *target[FINDINGS_MAX];
    enum holding holding[FINDINGS_MAX];
    bool in_trouble[FINDINGS_MAX]; /* of one not known: it answered 401, 429 or 5xx, or refused */
    size_t count;                  /* 0: no answer came in time */
};

#endif
