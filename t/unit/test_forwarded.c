/* SPDX-License-Identifier: Apache-2.0 */
/* Which address of a forwarding header is the client's. */
#include "../tap.h"

#include "parse/forwarded.h"

static struct network trusted[4];
static struct forwarding list = {FORWARDING_LIST, 0, trusted, 4};
static struct forwarding rfc7239 = {FORWARDING_RFC7239, 0, trusted, 4};

/* The client for one header, or two with the second not NULL. */
static const char *client2(const struct forwarding *forwarding, const char *peer, const char *first,
                           const char *second)
{
    static char buffer[ADDRESS_TEXT];
    char *copies[2] = {strdup(first), strdup(second ? second : "")};
    struct slice values[2] = {{copies[0], strlen(copies[0])}, {copies[1], strlen(copies[1])}};
    struct address address =
        forwarded_client(forwarding, address_parse(slice_of(peer)), values, second ? 2 : 1);

    free(copies[0]);
    free(copies[1]);
    return address_format(&address, buffer);
}

static const char *listed(const char *value)
{
    return client2(&list, "10.0.0.1", value, NULL);
}

static const char *forwarded(const char *value)
{
    return client2(&rfc7239, "10.0.0.1", value, NULL);
}

static void test_list(void)
{
    is(listed("192.0.2.1"), "192.0.2.1", "one address");
    is(client2(&list, "198.51.100.1", "192.0.2.1", NULL), "198.51.100.1", "from a stranger");
    is(client2(&list, "2002:0a00:0001::", "192.0.2.1", NULL),
       "2002:a00:1::", "from a stranger in a trusted proxy's clothes");
    is(client2(&list, "@", "192.0.2.1", NULL), "192.0.2.1", "from a local socket");
    is(client2(&list, "", "192.0.2.1", NULL), "-", "from nobody knows");
    is(client2(&list, "::ffff:10.0.0.1", "192.0.2.1", NULL), "192.0.2.1", "from a v4-mapped proxy");
    is(listed("9.9.9.9, 192.0.2.1"), "192.0.2.1", "what the client invented is left of it");
    is(listed("9.9.9.9, 192.0.2.1, 10.2.3.4,2001:db8::7"), "192.0.2.1", "several proxies");
    is(listed("10.9.9.9, 10.2.3.4"), "10.9.9.9", "all trusted: the left-most");
    is(listed(""), "10.0.0.1", "an empty header");
    is(listed(" , ,"), "10.0.0.1", "a list of nothing");
    is(listed("192.0.2.1,,"), "192.0.2.1", "empty entries do not count");
    is(listed("192.0.2.1:4711"), "192.0.2.1", "with a port");
    is(listed("[2001:db8:1::1]:4711"), "2001:db8:1::1", "IPv6 with a port");
    is(listed("2001:db8:1::1"), "2001:db8:1::1", "IPv6");
    is(listed("192.0.2.1, unknown"), "-", "the proxy did not say");
    is(listed("192.0.2.1, garbage, 10.0.0.2"), "-", "nor did this one");
    is(listed("garbage, 192.0.2.1"), "192.0.2.1", "an invented one");
    is(listed("unix:"), "-", "a local socket is no client");
    is(client2(&list, "10.0.0.1", "192.0.2.1", "10.0.0.9"), "192.0.2.1",
       "two headers are one list");
    is(client2(&list, "10.0.0.1", "192.0.2.1", "192.0.2.2"), "192.0.2.2", "of which the last");
}

static void test_long(void)
{
    char text[FORWARDED_MAX * 8 * 2] = "192.0.2.1";

    for (int i = 1; i < FORWARDED_MAX; i++)
        strcat(text, ",10.0.0.2");
    is(listed(text), "192.0.2.1", "the longest list");
    strcat(text, ",10.0.0.2");
    is(listed(text), "-", "one more");

    char *huge = malloc(FORWARDED_BYTES_MAX + 2);
    memset(huge, ' ', FORWARDED_BYTES_MAX + 1);
    memcpy(huge, "192.0.2.1", 9);
    huge[FORWARDED_BYTES_MAX] = '\0';
    is(listed(huge), "192.0.2.1", "the longest header");
    huge[FORWARDED_BYTES_MAX] = ' ', huge[FORWARDED_BYTES_MAX + 1] = '\0';
    is(listed(huge), "-", "a longer one says nothing");
    is(client2(&list, "10.0.0.1", huge, "192.0.2.1"), "192.0.2.1", "but hides none after it");
    free(huge);
}

static void test_rfc7239(void)
{
    is(forwarded("for=192.0.2.43"), "192.0.2.43", "one");
    is(forwarded("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17", "quoted, any case");
    is(forwarded("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60", "by is not for");
    is(forwarded("proto=http ; for=\"192.0.2.60:_gazonk\""), "192.0.2.60", "hidden port");
    is(forwarded("for=9.9.9.9, for=192.0.2.43, for=10.0.0.7"), "192.0.2.43", "several");
    is(forwarded("for=9.9.9.9;x=\"a,b;\\\",for=8.8.8.8\", for=192.0.2.43"), "192.0.2.43",
       "commas in quotes");
    is(forwarded("for=192.0.2.43, for=_hidden"), "-", "hidden");
    is(forwarded("for=192.0.2.43, for=unknown"), "-", "unknown");
    is(forwarded("for=192.0.2.43, proto=https"), "-", "not said");
    is(forwarded("for=[2001:db8:cafe::17]"), "2001:db8:cafe::17", "quotes forgotten");
    is(forwarded(""), "10.0.0.1", "empty");
    is(forwarded(", ,"), "10.0.0.1", "nothing");
    is(forwarded(" for=192.0.2.43 ; ; , "), "192.0.2.43", "nothing beside it");
    is(forwarded("for=192.0.2.43;for=192.0.2.44"), "-", "twice in one element");
    is(client2(&rfc7239, "10.0.0.1", "for=192.0.2.43", "for=10.0.0.7"), "192.0.2.43",
       "two headers");
}

static void test_broken(void)
{
    static const char *const BROKEN[] = {
        "for=1.1.1.1;x=\", for=192.0.2.43",
        "for=1.1.1.1;x=\", for=\"[2001:db8:1::1]\"",
        "for=\"1.1.1.1, for=192.0.2.43",
        "for=\"1.1.1.1\\",
        "for=\"1.1.1.1\\\"",
        "for",
        "=",
        "for=1.1.1.1 \"x\"",
        "for=\"1.1.1.1\"x",
        "192.0.2.43",
        "\"for=1.1.1.1\"",
        "for=192.0.2.43, =,",
    };

    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++)
        is(forwarded(BROKEN[i]), "-", "broken: %s", BROKEN[i]);
    is(client2(&rfc7239, "10.0.0.1", "for=\"9.9.9.9", "for=192.0.2.43"), "192.0.2.43",
       "a broken header says nothing of the next one");
    is(client2(&rfc7239, "10.0.0.1", "for=192.0.2.43", "for=\"9.9.9.9"), "-",
       "but hides the one before");
}

static void test_fixed(void)
{
    struct forwarding second = {FORWARDING_LIST, 2, NULL, 0};

    is(client2(&second, "198.51.100.1", "192.0.2.1, 203.0.113.1", NULL), "192.0.2.1", "the second");
    is(client2(&second, "198.51.100.1", "9.9.9.9, 192.0.2.1,203.0.113.1", NULL), "192.0.2.1",
       "from the right");
    is(client2(&second, "198.51.100.1", "192.0.2.1", NULL), "-", "there is none");
    is(client2(&second, "198.51.100.1", "", NULL), "198.51.100.1", "no list");
    second.trusted = trusted;
    second.trusted_count = 4;
    is(client2(&second, "198.51.100.1", "192.0.2.1, 203.0.113.1", NULL), "198.51.100.1",
       "not from a stranger, if proxies are named");
    is(client2(&second, "10.0.0.1", "192.0.2.1, 203.0.113.1", NULL), "192.0.2.1", "from a proxy");
    second.fixed = 100;
    is(client2(&second, "10.0.0.1", "192.0.2.1, 203.0.113.1", NULL), "-", "too far");
}

int main(void)
{
    static const char *const TRUSTED[4] = {"10.0.0.0/8", "2001:db8::/48", "unix", "::1"};

    for (int i = 0; i < 4; i++)
        ok(network_parse(slice_of(TRUSTED[i]), &trusted[i], NULL), "trusted: %s", TRUSTED[i]);
    test_list();
    test_long();
    test_rfc7239();
    test_broken();
    test_fixed();
    return done_testing();
}
