/* SPDX-License-Identifier: Apache-2.0 */
/* A place to send clients to: a registry (upstream) or an object store (bucket). */
#ifndef CONFIG_TARGET_H
#define CONFIG_TARGET_H

#include <stdbool.h>
#include "core/problem.h"
#include "core/slice.h"
#include "parse/pin.h"
#include "parse/url.h"
#include "place/place.h"
#include "place/place_set.h"

enum target_kind { TARGET_UPSTREAM, TARGET_BUCKET };

/* A part of the requests, or as many as that a second (then the part is 1). */
struct extra {
    float share, per_second; /* per_second is 0 for none */
};

/* Owned by its configuration, as is all that it points to. The name ends with a NUL. */
struct target {
    /* What nearest.c looks at for each request, side by side. */
    const struct place_set *serves; /* NULL: nobody by name */
    struct place place;             /* where it is, NOWHERE if that is not known */
    enum target_kind kind;
    bool ipv4_only;
    float share;               /* the part of the requests meant for it that it takes */
    struct extra accept_extra; /* what it takes of a target's requests while that one is down */

    uint64_t id; /* of its URL and prefix: the same in every process and after a reload */
    const char *name;
    size_t name_len;
    struct slice url;                  /* of an upstream, without a slash at its end */
    struct slice prefix;               /* of the repositories at an upstream, perhaps empty */
    const struct url_template *object; /* of a bucket */
    struct pin check_object;           /* without a digest: none */
    struct origin at;
    const char *serves_words; /* as written, "EU", "AF"; NULL for none */
    const char *place_word;   /* as written, or NULL */
};

static inline struct slice target_name(const struct target *target)
{
    return (struct slice){target->name, target->name_len};
}

#endif
