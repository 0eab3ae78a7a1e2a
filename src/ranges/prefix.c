/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include "ranges/prefix.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t zero[12];

bool prefix_is_ipv4(const struct prefix *prefix)
{
    return prefix->bits >= IPV4_BITS && memcmp(prefix->address, zero, sizeof zero) == 0;
}

static bool parse_length(struct slice digits, unsigned most, unsigned *value)
{
    unsigned sum = 0;
    if (digits.len == 0 || digits.len > 3 || (digits.len > 1 && digits.at[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        sum = sum * 10 + (unsigned)(digits.at[i] - '0');
    }
    *value = sum;
    return sum <= most;
}

/* Fills address; returns the bits of the family, 32 or 128, or 0. */
static unsigned parse_address(struct slice text, uint8_t address[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, 0, text.len))
        return 0;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    memset(address, 0, 16);
    if (inet_pton(AF_INET, copy, address + 12) == 1)
        return 32;
    return inet_pton(AF_INET6, copy, address) == 1 ? 128 : 0;
}

static bool host_bits_set(const struct prefix *prefix)
{
    for (unsigned depth = prefix->bits; depth < 128; depth++)
        if (prefix_bit(prefix->address, depth))
            return true;
    return false;
}

const char *prefix_parse(struct slice text, struct prefix *prefix)
{
    const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
    size_t end = slash ? (size_t)(slash - text.at) : text.len;
    unsigned family = parse_address(slice_to(text, end), prefix->address), bits = family;

    if (!family)
        return "not an IPv4 or IPv6 prefix";
    if (slash && !parse_length(slice_from(text, end + 1), family, &bits))
        return family == 32 ? "a prefix whose length is not a number from 0 to 32"
                            : "a prefix whose length is not a number from 0 to 128";
    prefix->bits = (uint8_t)(bits + 128 - family);
    if (host_bits_set(prefix))
        return "a prefix with address bits set beyond its length";
    if (family == 128 && prefix->bits >= IPV4_BITS) {
        if (memcmp(prefix->address, mapped, sizeof mapped) == 0)
            memset(prefix->address, 0, sizeof mapped);
        else if (memcmp(prefix->address, zero, sizeof zero) == 0)
            return "in ::/96, which holds no IPv6 networks";
    }
    return NULL;
}

const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT])
{
    bool ipv4 = prefix_is_ipv4(prefix);
    char address[INET6_ADDRSTRLEN];
    inet_ntop(ipv4 ? AF_INET : AF_INET6, prefix->address + (ipv4 ? 12 : 0), address,
              sizeof address);
    snprintf(text, PREFIX_TEXT, "%s/%u", address, prefix->bits - (ipv4 ? IPV4_BITS : 0u));
    return text;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
    int order = memcmp(a->address, b->address, sizeof a->address);
    return order ? order : (int)a->bits - (int)b->bits;
}
