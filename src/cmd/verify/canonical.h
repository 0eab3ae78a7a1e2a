/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical registry, as a front door shows it. Its base is what stands in a URL
 * before "/NAME/manifests/…": "https://us.registry.example.org/v2/mirror/images".
 */
#ifndef CMD_VERIFY_CANONICAL_H
#define CMD_VERIFY_CANONICAL_H

#include <stdbool.h>
#include "cmd/verify/journey.h"
#include "core/slice.h"

/* The base of a registry whose URL has, perhaps, a path before the names; to be freed. */
char *canonical_base(const char *registry);

/*
 * The base of where the front door sends a request for something of a repository: the
 * first hop at another host that ends with what was asked for, such as
 * "/NAME/manifests/TAG". To be freed; NULL if there is no such hop.
 */
char *canonical_learn(const struct journey *journey, const struct door *door, struct slice asked);

/* Whether some hop was for what was asked for, below a base; a query is not looked at. */
bool canonical_reached(const struct journey *journey, const char *base, struct slice asked);

#endif
