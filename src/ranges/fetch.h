/* SPDX-License-Identifier: Apache-2.0 */
/* Gets one file over HTTPS, with libcurl. */
#ifndef RANGES_FETCH_H
#define RANGES_FETCH_H

#include "ranges/range_list.h"

enum { ETAG_MAX = 200 };

struct fetch {
    const char *name; /* for messages and progress */
    const char *url;
    size_t most;             /* bytes */
    bool progress;           /* show it on standard error */
    char etag[ETAG_MAX + 1]; /* in: what we have, or empty; out: what came, or empty */
    bool unchanged;          /* out: it still is what we have (304) */
    char *bytes;             /* out: what came; the caller frees it */
    size_t len, room;
};

/* False with the error filled if signpost was built without libcurl. */
bool fetch_possible(struct range_error *error);

/* False with the error filled if nothing usable came. */
bool fetch_url(struct fetch *fetch, struct range_error *error);

#endif
