/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of where a request's client is, and how; and sets of clients. */
#ifndef CONFIG_CLIENT_H
#define CONFIG_CLIENT_H

#include <stdbool.h>
#include "config/target.h"
#include "core/slice.h"
#include "parse/address.h"
#include "place/place.h"
#include "place/place_set.h"

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
    struct address address;     /* the client's own, behind trusted proxies */
    uint32_t asn;               /* of its autonomous system, 0 if unknown or not looked for */
    int database;               /* which one told the place, -1 if none did */
    unsigned prefix_bits;       /* of that database's entry */
};

/* Clients that a rule is for: by place, network or autonomous system. Owned by a configuration. */
struct client_set {
    struct place_set places;
    const struct network *networks;
    size_t network_count;
    const uint32_t *asns;
    size_t asn_count;
};

/* Whether the client is in the set. */
bool client_set_has(const struct client_set *set, const struct client *client);

#endif
