/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous bearer tokens, as public registries ask for them. */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "core/slice.h"
#include "core/why.h"
#include "registry/http.h"

/*
 * Where everybody gets a token to pull from a repository, by the challenge of the registry (its
 * WWW-Authenticate header); from an encrypted registry only over an encrypted way (the "Docker
 * Registry v2 authentication via central service" that distribution documents). A URL, to be
 * freed, or NULL with the reason.
 */
char *token_url(const char *registry, struct slice repository, struct slice challenge,
                struct why *why);

/* Gets it there. The value of an Authorization header, to be freed, or NULL with the reason. */
char *token_get(struct http *http, const struct http_request *request, struct why *why);

/* The same from an answer that has come. */
char *token_read(struct slice body, const char *url, struct why *why);

#endif
