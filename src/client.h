/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of where a request's client is, and how. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include "place.h"
#include "slice.h"
#include "target.h"

enum client_source {
    CLIENT_UNKNOWN,
    CLIENT_SERVER_REGION, /* SIGNPOST_REGION */
    CLIENT_REGION_HEADER,
    CLIENT_ADDRESS
};

struct client {
    enum client_source source;
    struct slice told;          /* the value that was understood; borrowed from the request */
    struct place place;         /* NOWHERE if unknown */
    const struct target *named; /* the upstream that the value names, or NULL */
    bool ipv6;                  /* it has an IPv6 address */
};

#endif
