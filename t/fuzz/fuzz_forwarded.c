/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes forwarding headers, one value a line, in both syntaxes and with a fixed
 * entry, and the reading of addresses and networks with the same text. Whatever
 * a client writes, the entry that a trusted proxy appends must be found.
 */
#include <stdlib.h>

#include "parse/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 8, APPENDED_MAX = 4096 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* An address that is written is read again as the same. */
static void check_address(struct address address)
{
    char text[ADDRESS_TEXT];

    if (!address_is_ip(&address))
        return;
    struct address again = address_parse(slice_of(address_format(&address, text)));
    require(again.family == address.family && memcmp(again.bytes, address.bytes, 16) == 0);
}

static void check_network(struct slice text)
{
    struct network network;
    struct why why = {""};

    if (!network_parse(text, &network, &why)) {
        require(why.text[0]);
        return;
    }
    struct address first = {.family = network.family};
    memcpy(first.bytes, network.bytes, sizeof first.bytes);
    require(network_has(&network, &first));
}

/* What the last proxy appends to the last value decides, or nothing does. */
static void check_appended(const struct forwarding *forwarding, struct address peer,
                           struct slice *values, size_t count, struct slice appended)
{
    static char text[APPENDED_MAX];
    struct slice last = values[count - 1];

    if (last.len + appended.len > sizeof text)
        return;
    memcpy(text, last.at, last.len);
    memcpy(text + last.len, appended.at, appended.len);
    values[count - 1] = (struct slice){text, last.len + appended.len};
    struct address client = forwarded_client(forwarding, peer, values, count);
    require(
        client.family == ADDRESS_NONE ||
        (client.family == ADDRESS_IPV4 && memcmp(client.bytes + 12, "\xc0\x00\x02\x07", 4) == 0));
    values[count - 1] = last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice values[VALUES_MAX];
    struct network trusted[1];
    struct address peer = address_parse(SLICE("10.0.0.1"));
    const char *at = (const char *)data;
    size_t count = 0;

    require(network_parse(SLICE("10.0.0.0/8"), &trusted[0], NULL));
    while (size && count < VALUES_MAX) {
        const char *end = memchr(at, '\n', size);
        size_t len = end ? (size_t)(end - at) : size;
        values[count++] = (struct slice){at, len};
        check_address(address_parse((struct slice){at, len}));
        check_address(address_unwrap(address_parse_with_port((struct slice){at, len})));
        check_network((struct slice){at, len});
        size -= len + (end ? 1 : 0);
        at += len + (end ? 1 : 0);
    }
    struct forwarding list = {FORWARDING_LIST, 0, trusted, 1};
    struct forwarding fixed = {FORWARDING_LIST, 2, trusted, 1};
    struct forwarding rfc7239 = {FORWARDING_RFC7239, 0, trusted, 1};
    check_address(forwarded_client(&list, peer, values, count));
    check_address(forwarded_client(&fixed, peer, values, count));
    check_address(forwarded_client(&rfc7239, peer, values, count));
    if (count) {
        check_appended(&list, peer, values, count, SLICE(", 192.0.2.7"));
        check_appended(&rfc7239, peer, values, count, SLICE(", for=192.0.2.7"));
        check_appended(&rfc7239, peer, values, count, SLICE(", for=\"192.0.2.7:80\""));
    }
    return 0;
}
