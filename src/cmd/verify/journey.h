/* SPDX-License-Identifier: Apache-2.0 */
/* A request and where redirects lead it, hop by hop, as a registry client would go. */
#ifndef CMD_VERIFY_JOURNEY_H
#define CMD_VERIFY_JOURNEY_H

#include <stdbool.h>
#include <stddef.h>
#include "cmd/verify/door.h"
#include "core/why.h"
#include "registry/http.h"

enum { HOPS_MAX = 11 }; /* ten redirects: what Go's net/http follows */

/* Who asks: a client at one place. */
struct traveller {
    struct http *http;
    const struct door *door;
    const struct view *view;
};

struct errand {
    const char *target; /* with its query, at the front door; or a URL */
    const char *method; /* a literal, else as of http_request, as are those that follow */
    const char *accept, *range;
    struct http_sink sink;
    bool stays; /* no redirect is to be followed */
};

struct hop {
    const char *method; /* a literal */
    char *url;
    long status;    /* 0: no answer */
    char *location; /* empty: none */
};

struct journey {
    struct hop hop[HOPS_MAX];
    size_t count;
    bool arrived;   /* the last answer is no redirect, or no redirect was to be followed */
    struct why why; /* it has not: a clause, "it redirects in a loop" */
    struct http_response answer; /* the last; it lives until the traveller's next journey */
};

/* Makes a journey; end it with journey_end. */
void journey_make(struct journey *journey, struct traveller *traveller,
                  const struct errand *errand);
void journey_end(struct journey *journey);

/* The last URL, and the last status (0: none). */
const char *journey_url(const struct journey *journey);
long journey_status(const struct journey *journey);

/* Whether the front door redirected it, whatever came then. */
bool journey_is_redirected(const struct journey *journey);

/* Whether a status is one of a redirect. */
bool is_redirect(long status);

#endif
