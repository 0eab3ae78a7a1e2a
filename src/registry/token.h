/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous bearer tokens, as public registries ask for them. */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "registry/http.h"
#include "slice.h"
#include "why.h"

/*
 * Gets a token that lets everybody pull from a repository, where the challenge of
 * the registry (its WWW-Authenticate header) says; from an encrypted registry
 * only over an encrypted way (the "Docker Registry v2 authentication via central
 * service" that distribution documents). Returns the value of an Authorization
 * header, to be freed, or NULL with the reason.
 */
char *token_get(struct http *http, const char *registry, struct slice repository,
                struct slice challenge, struct why *why);

/* The two steps of it: where to ask, to be freed; and what the answer there gives. NULL as above.
 */
char *token_url(const char *registry, struct slice repository, struct slice challenge,
                struct why *why);
char *token_read(struct slice body, const char *url, struct why *why);

#endif
