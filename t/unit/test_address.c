/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks. */
#include "../tap.h"

#include "parse/address.h"

/* Parses a copy of its own, so that ASan sees reads behind the end. */
static const char *parsed(struct address (*parse)(struct slice), const char *text)
{
    static char buffer[ADDRESS_TEXT];
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);

    memcpy(copy, text, len);
    struct address address = parse((struct slice){copy, len});
    free(copy);
    return address_format(&address, buffer);
}

static void test_parse(void)
{
    static const char *const NONE[] = {"",
                                       " ",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "1.2.3.256",
                                       "01.2.3.4",
                                       "1.2.3.4 ",
                                       " 1.2.3.4",
                                       "1.2.3.4:5",
                                       "1..2.3",
                                       "1.2.3.",
                                       "1.2.3.1234",
                                       "0x1.2.3.4",
                                       "[::1]",
                                       ":::",
                                       "1::2::3",
                                       "g::",
                                       "12345::",
                                       "::1%",
                                       "localhost",
                                       "-",
                                       "1.2.3.4%lo",
                                       "::1.2.3",
                                       ":",
                                       "1:2:3:4:5:6:7:8:9",
                                       "%eth0",
                                       "2001:db8::1/64"};

    is(parsed(address_parse, "192.0.2.1"), "192.0.2.1", "IPv4");
    is(parsed(address_parse, "0.0.0.0"), "0.0.0.0", "IPv4, all zero");
    is(parsed(address_parse, "255.255.255.255"), "255.255.255.255", "IPv4, all ones");
    is(parsed(address_parse, "2001:DB8:0::1"), "2001:db8::1", "IPv6");
    is(parsed(address_parse, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "IPv6, all ones");
    is(parsed(address_parse, "::ffff:35.180.1.1"), "35.180.1.1", "v4-mapped");
    is(parsed(address_parse, "::ffff:23b4:101"), "35.180.1.1", "v4-mapped in hexadecimal");
    is(parsed(address_parse, "::35.180.1.1"), "::35.180.1.1", "v4-compatible stays IPv6");
    is(parsed(address_parse, "fe80::1%eth0"), "fe80::1", "the zone is left out");
    is(parsed(address_parse, "unix:"), "unix", "nginx's local socket");
    is(parsed(address_parse, "@"), "unix", "Caddy's");
    is(parsed(address_parse, "/run/web.sock"), "unix", "lighttpd's");
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
        is(parsed(address_parse, NONE[i]), i == 18 ? "::1" : "-", "no address: \"%s\"", NONE[i]);
    struct address nul = address_parse((struct slice){"::1\0", 4});
    ok(nul.family == ADDRESS_NONE, "a NUL");
}

static void test_port(void)
{
    static const char *const NONE[] = {
        "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[::1",     "[::1]x",
        "[::1]:",   "[]",        "[1.2.3.4]",      "[unix:]",  "_hidden",
        "unknown",  "[::1]]",    "1.2.3.4:80:80",  "[::1]:8:8"};

    is(parsed(address_parse_with_port, "192.0.2.1:80"), "192.0.2.1", "IPv4 with a port");
    is(parsed(address_parse_with_port, "192.0.2.1:65535"), "192.0.2.1", "with one of five digits");
    is(parsed(address_parse_with_port, "[2001:db8::1]:65535"), "2001:db8::1", "IPv6, too");
    is(parsed(address_parse_with_port, "192.0.2.1:_x"), "192.0.2.1", "with a hidden one");
    is(parsed(address_parse_with_port, "192.0.2.1"), "192.0.2.1", "without");
    is(parsed(address_parse_with_port, "[2001:db8::1]:443"), "2001:db8::1", "IPv6 with a port");
    is(parsed(address_parse_with_port, "[2001:db8::1]"), "2001:db8::1", "in brackets");
    is(parsed(address_parse_with_port, "2001:db8::1"), "2001:db8::1", "bare");
    is(parsed(address_parse_with_port, "[::ffff:192.0.2.1]:1"), "192.0.2.1", "v4-mapped");
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
        is(parsed(address_parse_with_port, NONE[i]), "-", "no address: \"%s\"", NONE[i]);
}

static struct address parse_unwrapped(struct slice text)
{
    return address_unwrap(address_parse(text));
}

static void test_unwrap(void)
{
    is(parsed(parse_unwrapped, "64:ff9b::23b4:101"), "35.180.1.1", "NAT64");
    is(parsed(parse_unwrapped, "2002:23b4:101::1"), "35.180.1.1", "6to4");
    is(parsed(parse_unwrapped, "64:ff9b:1::23b4:101"), "64:ff9b:1::23b4:101",
       "a network's own NAT64");
    is(parsed(parse_unwrapped, "192.0.2.1"), "192.0.2.1", "IPv4");
    is(parsed(parse_unwrapped, "@"), "unix", "a local socket");
    is(parsed(address_parse, "2002:7f00:1::1"), "2002:7f00:1::1", "not while reading: spoofable");
}

static bool in(const char *network_text, const char *address_text)
{
    struct network network;
    struct why why = {""};
    struct address address = address_parse(slice_of(address_text));

    if (!network_parse(slice_of(network_text), &network, &why))
        diag("%s", why.text);
    return network_has(&network, &address);
}

static void test_network(void)
{
    ok(in("10.0.0.0/8", "10.255.0.1") && !in("10.0.0.0/8", "11.0.0.0"), "/8");
    ok(in("192.0.2.128/25", "192.0.2.128") && !in("192.0.2.128/25", "192.0.2.127"), "/25");
    ok(in("192.0.2.1", "192.0.2.1") && !in("192.0.2.1", "192.0.2.0"), "a single address");
    ok(in("192.0.2.1/32", "::ffff:192.0.2.1"), "v4-mapped");
    ok(in("0.0.0.0/0", "1.2.3.4") && !in("0.0.0.0/0", "::1"), "all of IPv4");
    ok(in("::/0", "::1") && !in("::/0", "1.2.3.4"), "all of IPv6");
    ok(in("2001:db8::/33", "2001:db8:7fff::") && !in("2001:db8::/33", "2001:db8:8000::"), "/33");
    ok(in("::1", "::1") && !in("::1", "::2"), "a single IPv6 address");
    ok(in("::ffff:10.0.0.0/104", "10.1.1.1"), "a v4-mapped network");
    ok(in("unix", "@") && in("unix:", "unix:") && !in("unix", "") && !in("unix", "1.2.3.4"),
       "unix");
    ok(!in("0.0.0.0/0", "") && !in("::/0", "@"), "what is no address is in none");
}

static void refused(const char *text, const char *part)
{
    struct network network;
    struct why why = {""};

    ok(!network_parse(slice_of(text), &network, &why), "refused: %s", text);
    like(why.text, part, "for the right reason");
}

static void test_refused(void)
{
    refused("10.1.2.3/8", "did you mean \"10.0.0.0/8\"?");
    refused("2001:db8::1/32", "did you mean \"2001:db8::/32\"?");
    refused("10.0.0.0/33", "no network");
    refused("10.0.0.0/", "no network");
    refused("10.0.0.0/-1", "no network");
    refused("10.0.0.0/8x", "no network");
    refused("::/129", "no network");
    refused("10.0.0.0/0008", "no network");
    refused("fe80::1%eth0", "no network");
    refused("", "no network");
    refused("/8", "no network");
    refused("example.org", "no network");
    refused("::ffff:0.0.0.0/90", "beyond the IPv4");
}

int main(void)
{
    test_parse();
    test_port();
    test_unwrap();
    test_network();
    test_refused();
    return done_testing();
}
