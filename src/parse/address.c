/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t NAT64[12] = {0, 0x64, 0xff, 0x9b};

/* "a.b.c.d", decimal without leading zeros, which some would read as octal. */
static bool parse_ipv4(struct slice text, uint8_t bytes[4])
{
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        if (part && (at >= text.len || text.at[at++] != '.'))
            return false;
        size_t start = at;
        while (at < text.len && at - start < 3 && text.at[at] >= '0' && text.at[at] <= '9')
            value = value * 10 + (unsigned)(text.at[at++] - '0');
        if (at == start || value > 255 || (at - start > 1 && text.at[start] == '0'))
            return false;
        bytes[part] = (uint8_t)value;
    }
    return at == text.len;
}

static bool parse_ipv6(struct slice text, uint8_t bytes[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len < 2 || text.len >= sizeof copy || memchr(text.at, '\0', text.len))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, bytes) == 1;
}

static struct address mapped(const uint8_t ipv4[4])
{
    struct address address = {.family = ADDRESS_IPV4};

    memcpy(address.bytes, MAPPED, sizeof MAPPED);
    memcpy(address.bytes + sizeof MAPPED, ipv4, 4);
    return address;
}

struct address address_parse(struct slice text)
{
    const struct address none = {.family = ADDRESS_NONE};
    struct address address = {.family = ADDRESS_IPV6};
    uint8_t ipv4[4];

    if (parse_ipv4(text, ipv4))
        return mapped(ipv4);
    if (text.len && (text.at[0] == '@' || text.at[0] == '/' || slice_starts(text, SLICE("unix:"))))
        return (struct address){.family = ADDRESS_LOCAL};
    const char *zone = text.len ? memchr(text.at, '%', text.len) : NULL;
    if (zone)
        text.len = (size_t)(zone - text.at);
    if (!parse_ipv6(text, address.bytes))
        return none;
    if (memcmp(address.bytes, MAPPED, sizeof MAPPED) == 0)
        address.family = ADDRESS_IPV4;
    return address;
}

/* A port, or one that is kept secret (RFC 7239, 6): "443", "_hidden". */
static bool is_port(struct slice text)
{
    bool hidden = text.len > 1 && text.at[0] == '_';

    for (size_t i = 0; i < text.len && !hidden; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || text.len > 5)
            return false;
    }
    return text.len > 0;
}

struct address address_parse_with_port(struct slice text)
{
    const struct address none = {.family = ADDRESS_NONE};
    bool bracket = text.len && text.at[0] == '[';
    const char *end = text.len ? memchr(text.at, bracket ? ']' : ':', text.len) : NULL;

    if (!end)
        return bracket ? none : address_parse(text);
    size_t len = (size_t)(end - text.at);
    if (bracket) {
        struct slice rest = slice_from(text, len + 1);
        struct address address = address_parse(slice_from(slice_to(text, len), 1));
        bool good = rest.len == 0 || (rest.at[0] == ':' && is_port(slice_from(rest, 1)));
        /* An IPv4 address is in brackets only as a v4-mapped one. */
        return good && address_is_ip(&address) && memchr(text.at, ':', len) ? address : none;
    }
    uint8_t ipv4[4];
    if (parse_ipv4(slice_to(text, len), ipv4))
        return is_port(slice_from(text, len + 1)) ? mapped(ipv4) : none;
    return address_parse(text); /* the colon is IPv6's own */
}

struct address address_unwrap(struct address address)
{
    if (address.family != ADDRESS_IPV6)
        return address;
    if (memcmp(address.bytes, NAT64, sizeof NAT64) == 0)
        return mapped(address.bytes + sizeof NAT64);
    if (address.bytes[0] == 0x20 && address.bytes[1] == 0x02)
        return mapped(address.bytes + 2);
    return address;
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT])
{
    bool ipv4 = address->family == ADDRESS_IPV4;

    if (!address_is_ip(address) ||
        !inet_ntop(ipv4 ? AF_INET : AF_INET6, address->bytes + (ipv4 ? 12 : 0), text, ADDRESS_TEXT))
        snprintf(text, ADDRESS_TEXT, "%s", address->family == ADDRESS_LOCAL ? "unix" : "-");
    return text;
}

/* Sets all bits from bits on to zero; false if one was set. */
static bool clear_behind(uint8_t bytes[16], unsigned bits)
{
    bool clean = true;

    for (unsigned i = bits / 8; i < 16; i++) {
        uint8_t keep = (uint8_t)(i == bits / 8 ? 0xff00u >> bits % 8 : 0);
        clean = clean && (bytes[i] & ~keep) == 0;
        bytes[i] &= keep;
    }
    return clean;
}

const char *address_format_prefix(struct address address, unsigned bits,
                                  char text[ADDRESS_PREFIX_TEXT])
{
    clear_behind(address.bytes, bits + (address.family == ADDRESS_IPV4 ? 96 : 0));
    address_format(&address, text);
    size_t len = strlen(text);
    snprintf(text + len, ADDRESS_PREFIX_TEXT - len, "/%u", bits);
    return text;
}

/* The length behind the slash, or -1. */
static int parse_length(struct slice text)
{
    int length = 0;

    if (text.len < 1 || text.len > 3)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        length = length * 10 + (text.at[i] - '0');
    }
    return length;
}

bool network_parse(struct slice text, struct network *network, struct why *why)
{
    const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
    struct slice start = slash ? slice_to(text, (size_t)(slash - text.at)) : text;
    struct address address = address_parse(start);
    bool dotted = start.len && !memchr(start.at, ':', start.len);
    int shown = (int)(text.len < 60 ? text.len : 60), length = dotted ? 32 : 128;

    if (slice_equal(text, SLICE("unix")) || slice_equal(text, SLICE("unix:"))) {
        *network = (struct network){.family = ADDRESS_LOCAL};
        return true;
    }
    if (slash)
        length = parse_length(slice_from(text, start.len + 1));
    if (dotted && length >= 0)
        length = length > 32 ? -1 : length + 96;
    if (!address_is_ip(&address) || length < 0 || length > 128 || memchr(start.at, '%', start.len))
        return why_not(
            why,
            "\"%.*s\" is no network: write an address and the length of its prefix, such "
            "as \"10.0.0.0/8\" or \"2001:db8::/32\", a single address, or \"unix\".",
            shown, text.at);
    if (length < 96 && address.family == ADDRESS_IPV4)
        return why_not(why, "\"%.*s\" reaches beyond the IPv4 addresses in IPv6.", shown, text.at);
    network->family = address.family;
    network->bits = (uint8_t)length;
    bool clean = clear_behind(address.bytes, (unsigned)length);
    memcpy(network->bytes, address.bytes, sizeof network->bytes);
    if (clean)
        return true;
    char right[ADDRESS_TEXT];
    return why_not(why, "\"%.*s\" has bits set behind its prefix: did you mean \"%s/%d\"?", shown,
                   text.at, address_format(&address, right),
                   address.family == ADDRESS_IPV4 ? length - 96 : length);
}

bool network_has(const struct network *network, const struct address *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    if (network->family != address->family || address->family == ADDRESS_NONE)
        return false;
    if (memcmp(network->bytes, address->bytes, whole) != 0)
        return false;
    return !rest || ((network->bytes[whole] ^ address->bytes[whole]) & ~(0xffu >> rest)) == 0;
}

bool networks_have(const struct network *networks, size_t count, const struct address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (network_has(&networks[i], address))
            return true;
    }
    return false;
}
