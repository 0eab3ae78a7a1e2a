/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct block {
    uint8_t start[16];
    unsigned bits;
};

static const struct block blocks4[] = {
    {{0}, 8},                            /* this network */
    {{10}, 8},                           /* private use, RFC 1918 */
    {{100, 64}, 10},                     /* shared by a provider's customers, RFC 6598 */
    {{127}, 8},                          /* loopback */
    {{169, 254}, 16},                    /* link-local; clouds' metadata */
    {{172, 16}, 12},                     /* private use */
    {{192, 0, 0}, 24}, {{192, 168}, 16}, /* private use */
    {{198, 18}, 15},                     /* benchmarks */
    {{224}, 3},                          /* multicast and reserved */
};

static const struct block blocks6[] = {
    {{0xfc}, 7},       /* unique local, RFC 4193 */
    {{0xfe, 0x80}, 9}, /* link-local, and site-local, which it was before */
    {{0xff}, 8},       /* multicast */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* translation of local use, RFC 8215 */
};

/* In these stands an IPv4 address, from some byte on. */
static const struct {
    struct block block;
    unsigned at;
} with_ipv4[] = {
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* mapped */
    {{{0}, 96}, 12},                      /* compatible, RFC 4291, 2.5.5.1; unspecified, loopback */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12}, /* translated, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2},              /* 6to4, RFC 3056 */
};

static bool is_in(const uint8_t *address, const struct block *block)
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;

    return memcmp(address, block->start, whole) == 0 &&
           (rest == 0 || (address[whole] ^ block->start[whole]) >> (8 - rest) == 0);
}

static bool is_in_any(const uint8_t *address, const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_in(address, &blocks[i]))
            return true;
    return false;
}

static bool is_private4(const uint8_t *address)
{
    return is_in_any(address, blocks4, sizeof blocks4 / sizeof *blocks4);
}

static bool is_private6(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof with_ipv4 / sizeof *with_ipv4; i++)
        if (is_in(address, &with_ipv4[i].block))
            return is_private4(address + with_ipv4[i].at);
    return is_in_any(address, blocks6, sizeof blocks6 / sizeof *blocks6);
}

bool private_is_address(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (address->sa_family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        return is_private4((const uint8_t *)&in4.sin_addr);
    }
    if (address->sa_family != AF_INET6)
        return true;
    memcpy(&in6, address, sizeof in6);
    return is_private6(in6.sin6_addr.s6_addr);
}

bool private_is_text(const char *text)
{
    uint8_t bytes[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, text, bytes) == 1)
        return is_private4(bytes);
    return inet_pton(AF_INET6, text, bytes) == 1 && is_private6(bytes);
}
