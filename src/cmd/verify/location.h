/* SPDX-License-Identifier: Apache-2.0 */
/* Where a redirect leads that answers a bad request, as its Location has it. */
#ifndef CMD_VERIFY_LOCATION_H
#define CMD_VERIFY_LOCATION_H

#include <stdbool.h>

/*
 * Whether the path of a URL has a dot segment or an empty one (RFC 3986, 3.3), plain or
 * percent-encoded, or an encoded slash: what another server may resolve in its own way.
 */
bool location_is_crooked(const char *location);

/* Whether a URL is at the host of a base ("https://host/v2/prefix"), but not below it. */
bool location_leaves(const char *location, const char *base);

#endif
