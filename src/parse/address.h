/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and networks as text and as bytes. No names are ever resolved. */
#ifndef PARSE_ADDRESS_H
#define PARSE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"
#include "core/why.h"

enum address_family {
    ADDRESS_NONE,  /* nothing that can be read */
    ADDRESS_LOCAL, /* a local socket: "unix:", "@", a path */
    ADDRESS_IPV4,
    ADDRESS_IPV6
};

struct address {
    enum address_family family;
    uint8_t bytes[16]; /* network byte order; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
};

enum { ADDRESS_TEXT = 48 /* room for any address as text, with its NUL */ };

/*
 * Reads an address as REMOTE_ADDR has it: "192.0.2.1", "2001:db8::1", with a
 * zone ("fe80::1%eth0": left out), or for a local socket "unix:", "@" or a path.
 * A v4-mapped address becomes IPv4. Never fails: what is no address, "" too, is
 * of family ADDRESS_NONE.
 */
struct address address_parse(struct slice text);

/* The same with a port or brackets: "192.0.2.1:80", "[2001:db8::1]:443", "[2001:db8::1]". */
struct address address_parse_with_port(struct slice text);

/*
 * The IPv4 address inside a NAT64 (64:ff9b::/96, RFC 6052) or 6to4 (2002::/16,
 * RFC 3056) address, else the address itself. It tells where a client is; it
 * must not tell whom to trust, since anyone with IPv6 can claim any of them.
 */
struct address address_unwrap(struct address address);

static inline bool address_is_ip(const struct address *address)
{
    return address->family >= ADDRESS_IPV4;
}

/* Writes the address as text, "-" if there is none, and returns text. */
const char *address_format(const struct address *address, char text[ADDRESS_TEXT]);

enum { ADDRESS_PREFIX_TEXT = ADDRESS_TEXT + 4 /* room for a network as text */ };

/* Writes the network of so many bits that an IP address is in, "192.0.2.0/24"; returns text. */
const char *address_format_prefix(struct address address, unsigned bits,
                                  char text[ADDRESS_PREFIX_TEXT]);

/* A network. */
struct network {
    enum address_family family; /* ADDRESS_LOCAL: all local sockets */
    uint8_t bytes[16];          /* as in struct address; zero behind the prefix */
    uint8_t bits;               /* of the 16 bytes: IPv4's /8 is 104 here */
};

/*
 * Reads "10.0.0.0/8", "2001:db8::/32", a single address, or "unix" for all local
 * sockets. False, with the reason in why, for all else, and where bits are set
 * behind the prefix.
 */
bool network_parse(struct slice text, struct network *network, struct why *why);

/* Whether the address is in the network. */
bool network_has(const struct network *network, const struct address *address);

/* Whether it is in one of count networks. */
bool networks_have(const struct network *networks, size_t count, const struct address *address);

#endif
