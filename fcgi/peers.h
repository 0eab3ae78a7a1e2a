/* SPDX-License-Identifier: Apache-2.0 */
/* Which web servers may connect: the variable FCGI_WEB_SERVER_ADDRS (FastCGI 1.0, 3.2). */
#ifndef PEERS_H
#define PEERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { PEERS_MAX = 64 };

/* Addresses, as IPv6; IPv4 ones are mapped into it. Without any, everyone may connect. */
struct peers {
    size_t count;
    struct in6_addr address[PEERS_MAX];
};

/*
 * Reads a comma-separated list of IPv4 and IPv6 addresses; NULL and "" are the
 * empty list. Returns NULL, or the entry (within list, up to the next comma)
 * that is no address or is one too many.
 */
const char *peers_parse(struct peers *peers, const char *list);

/* Whether this peer may connect. Peers on a Unix socket always may. */
bool peers_allow(const struct peers *peers, const struct sockaddr *peer);

#endif
