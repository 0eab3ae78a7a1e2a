/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect: lists of addresses, right and wrong, and what they allow. */
#include "../../fcgi/peers.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/un.h>
#include "tap.h"

/* rest: what of the list is wrong; NULL: nothing is. */
static const struct {
    const char *list;
    size_t count;
    const char *rest;
} lists[] = {
    {NULL, 0, NULL},
    {"", 0, NULL},
    {"192.0.2.1", 1, NULL},
    {" 192.0.2.1\t, 2001:db8::1 ", 2, NULL},
    {"2001:db8:1111:2222:3333:4444:5555:6666", 1, NULL},
    {"2001:db8:1111:2222:3333:4444:192.0.2.111", 1, NULL},
    {"192.0.2.1,", 1, ""},
    {"192.0.2.1,,192.0.2.2", 1, ",192.0.2.2"},
    {"192.0.2.1 192.0.2.2", 1, "192.0.2.1 192.0.2.2"},
    {"192.0.2.1,example.org", 1, "example.org"},
    {"2001:db8:1111:2222:3333:4444:192.0.2.1111111", 0,
     "2001:db8:1111:2222:3333:4444:192.0.2.1111111"},
    {"192.0.2.0/24", 0, "192.0.2.0/24"},
};

static void test_lists(void)
{
    struct peers peers;
    char text[12 * (PEERS_MAX + 1)] = "";

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        is(peers_parse(&peers, lists[i].list), lists[i].rest, "the list \"%s\"",
           lists[i].list ? lists[i].list : "none");
        if (!lists[i].rest)
            cmp_ok(peers.count, ==, lists[i].count, "has so many addresses");
    }
    for (int i = 0; i < PEERS_MAX; i++)
        strcat(text, i ? ",192.0.2.1" : "192.0.2.1");
    is(peers_parse(&peers, text), NULL, "%d addresses", PEERS_MAX);
    cmp_ok(peers.count, ==, PEERS_MAX, "are as many as can be");
    strcat(text, ",192.0.2.2");
    is(peers_parse(&peers, text), "192.0.2.2", "one more is too much");
}

static bool allows(const struct peers *peers, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return peers_allow(peers, (const struct sockaddr *)&v4);
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
           peers_allow(peers, (const struct sockaddr *)&v6);
}

static void test_allowed(void)
{
    struct sockaddr_un file = {.sun_family = AF_UNIX};
    struct sockaddr other = {.sa_family = AF_UNSPEC};
    struct peers peers;

    peers_parse(&peers, "");
    ok(allows(&peers, "192.0.2.1") && peers_allow(&peers, &other), "without a list everybody");
    peers_parse(&peers, "192.0.2.1,2001:db8::1");
    ok(allows(&peers, "192.0.2.1") && allows(&peers, "::ffff:192.0.2.1"), "an IPv4 address");
    ok(allows(&peers, "2001:db8::1"), "an IPv6 address");
    ok(!allows(&peers, "192.0.2.2") && !allows(&peers, "2001:db8::2") &&
           !allows(&peers, "::192.0.2.1"),
       "no other");
    ok(peers_allow(&peers, (const struct sockaddr *)&file), "any process with a Unix socket");
    ok(!peers_allow(&peers, &other), "nothing of an unknown family");
}

int main(void)
{
    test_lists();
    test_allowed();
    return done_testing();
}
