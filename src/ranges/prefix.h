/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One network prefix, IPv4 or IPv6, as 128 bits. IPv4 lies under ::/96, as in
 * the MMDB format; IPv6 has no prefixes of its own there (RFC 4291, 2.5.5.1:
 * deprecated), so the family can be told from the bits.
 */
#ifndef RANGES_PREFIX_H
#define RANGES_PREFIX_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"

enum {
    IPV4_BITS = 96,  /* how deep the IPv4 addresses lie */
    PREFIX_TEXT = 64 /* room for any prefix as text, with its NUL */
};

struct prefix {
    uint8_t address[16]; /* network byte order; zero beyond the length */
    uint8_t bits;        /* 0 to 128; for IPv4 96 to 128 */
};

/*
 * Reads "192.0.2.0/24", "2001:db8::/32" or a single address. A v4-mapped prefix
 * (::ffff:192.0.2.0/120) becomes IPv4. Returns NULL, or what is wrong with the
 * text, to be read after "... is": a static string.
 */
const char *prefix_parse(struct slice text, struct prefix *prefix);

/* Writes the prefix as text, with its length always, and returns text. */
const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT]);

bool prefix_is_ipv4(const struct prefix *prefix);

/* Orders by address, then shorter first: a prefix comes before what is in it. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* The bit at the given depth, 0 (most significant) to 127. */
static inline unsigned prefix_bit(const uint8_t address[16], unsigned depth)
{
    return (address[depth / 8] >> (7 - depth % 8)) & 1u;
}

/* Sets the bit at the given depth. */
static inline void prefix_set_bit(uint8_t address[16], unsigned depth)
{
    address[depth / 8] = (uint8_t)(address[depth / 8] | (0x80u >> (depth % 8)));
}

#endif
