/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of an answer, and two that tell a client where to go on. */
#ifndef REGISTRY_HEADERS_H
#define REGISTRY_HEADERS_H

#include <stdbool.h>
#include "core/slice.h"

/*
 * Finds the first line of a header that has this name, whatever its case, and cuts
 * the header off behind it, so that a second call finds a second one.
 */
bool header_find(struct slice *head, struct slice name, struct slice *value);

/*
 * The target of a Link header's rel="next" (RFC 8288, 3), perhaps relative; empty
 * if it has none. Borrows from the value.
 */
struct slice link_next(struct slice value);

enum { CHALLENGE_MAX = 2048 };

/* Where to ask for a token, and what for; NUL-terminated, empty if not told. */
struct bearer_challenge {
    char realm[CHALLENGE_MAX], service[CHALLENGE_MAX], scope[CHALLENGE_MAX];
};

/*
 * Finds the Bearer challenge in a WWW-Authenticate header (RFC 9110, 11.6.1; RFC
 * 6750, 3), which may list others. False if there is none with a realm.
 */
bool bearer_challenge_parse(struct bearer_challenge *challenge, struct slice value);

#endif
