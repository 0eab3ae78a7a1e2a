/* SPDX-License-Identifier: Apache-2.0 */
/* A place to send clients to: a registry (upstream) or an object store (bucket). */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include "place.h"
#include "place_set.h"
#include "problem.h"
#include "slice.h"
#include "url.h"

enum target_kind { TARGET_UPSTREAM, TARGET_BUCKET };

/* Owned by its configuration, as is all that it points to. */
struct target {
    const char *name;
    enum target_kind kind;
    struct origin at;
    struct slice url;    /* of an upstream, without a slash at its end */
    struct slice prefix; /* of the repositories at an upstream, perhaps empty */
    struct url_template object; /* of a bucket */
    struct place place;         /* where it is, NOWHERE if that is not known */
    const struct place_set *serves; /* NULL: nobody by name */
    const char *serves_words;       /* the same as written, "EU", "AF"; NULL for none */
    const char *place_word;         /* the place as written, or NULL */
    bool ipv4_only;
};

#endif
