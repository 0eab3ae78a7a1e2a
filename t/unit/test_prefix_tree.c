/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of prefixes, beside a look-up that tries every prefix. */
#include "ranges/prefix_tree.h"
#include "tap.h"

enum { RANDOM_PREFIXES = 3000, RANDOM_LOOKUPS = 20000 };

static uint64_t seed = 0x5160057;

/* xorshift64*: the same numbers on every machine. */
static uint32_t any(uint32_t below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * 0x2545f4914f6cdd1d) >> 33) % below;
}

static struct prefix prefix(const char *text)
{
    struct prefix parsed = {0};
    const char *problem = prefix_parse(slice_of(text), &parsed);
    if (problem)
        diag("\"%s\" is %s", text, problem);
    return parsed;
}

static void add(struct range_list *list, struct prefix p, uint32_t record, int rank)
{
    struct range_error error;
    if (!range_add(list, &p, record, rank, &error))
        diag("%s", error.text);
}

static void add_text(struct range_list *list, const char *text, uint32_t record, int rank)
{
    add(list, prefix(text), record, rank);
}

/* The record of an address, -1 if there is none. */
static int find(const struct prefix_tree *tree, const char *address)
{
    uint32_t leaf = prefix_tree_find(tree, prefix(address).address, NULL);
    return leaf == LEAF_EMPTY ? -1 : (int)(leaf & ~LEAF_BIT);
}

static bool built(struct prefix_tree *tree, struct range_list *list)
{
    struct range_error error = {""};
    range_settle(list);
    bool done = prefix_tree_build(tree, list, &error);
    if (!done)
        diag("%s", error.text);
    return done;
}

static void test_parse(void)
{
    static const struct {
        const char *text, *want;
    } good[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"2001:db8::1", "2001:db8::1/128"},
        {"::/0", "::/0"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
    };
    static const struct {
        const char *text, *want;
    } bad[] = {
        {"", "not an IPv4 or IPv6 prefix"},
        {"192.0.2.0/", "0 to 32"},
        {"192.0.2.0/33", "0 to 32"},
        {"192.0.2.0/024", "0 to 32"},
        {"192.0.2.0/-1", "0 to 32"},
        {"192.0.2.0/24/24", "0 to 32"},
        {"2001:db8::/129", "0 to 128"},
        {"192.0.2.1/24", "beyond its length"},
        {"2001:db8::1/64", "beyond its length"},
        {"192.0.2/24", "not an IPv4 or IPv6 prefix"},
        {"192.0.2.0 /24", "not an IPv4 or IPv6 prefix"},
        {"fe80::1%eth0/64", "not an IPv4 or IPv6 prefix"},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64", "not an IPv4"},
        {"::1", "::/96"},
        {"::192.0.2.0/120", "::/96"},
    };
    char text[PREFIX_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct prefix p = prefix(good[i].text);
        is(prefix_format(&p, text), good[i].want, "\"%s\" is read", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct prefix p;
        like(prefix_parse(slice_of(bad[i].text), &p), bad[i].want, "\"%s\" is refused",
             bad[i].text);
    }
    struct prefix p;
    ok(prefix_parse((struct slice){"1.2.3.4\0/8", 10}, &p) != NULL, "a NUL byte is refused");
}

static void test_longest(void)
{
    struct range_list list = {0};
    struct prefix_tree tree;
    add_text(&list, "15.193.1.0/24", 2, RANK_REGION);
    add_text(&list, "15.193.0.0/19", 1, RANK_GLOBAL);
    add_text(&list, "15.193.1.128/32", 3, RANK_REGION);
    add_text(&list, "2001:db8::/32", 4, RANK_REGION);
    add_text(&list, "2001:db8:1::/48", 5, RANK_REGION);
    ok(built(&tree, &list), "a nested list is built");
    cmp_ok(find(&tree, "15.193.0.1"), ==, 1, "around");
    cmp_ok(find(&tree, "15.193.1.1"), ==, 2, "within");
    cmp_ok(find(&tree, "15.193.1.128"), ==, 3, "a single address within");
    cmp_ok(find(&tree, "15.193.2.0"), ==, 1, "behind");
    cmp_ok(find(&tree, "15.193.32.0"), ==, -1, "beside");
    cmp_ok(find(&tree, "2001:db8::1"), ==, 4, "IPv6 around");
    cmp_ok(find(&tree, "2001:db8:1::1"), ==, 5, "IPv6 within");
    cmp_ok(find(&tree, "2001:db9::1"), ==, -1, "IPv6 beside");
    prefix_tree_free(&tree);
    range_list_free(&list);
}

static void test_equal(void)
{
    struct range_list list = {0};
    struct prefix_tree tree;
    add_text(&list, "192.0.2.0/24", 1, RANK_GLOBAL);
    add_text(&list, "192.0.2.0/24", 2, RANK_REGION);
    add_text(&list, "192.0.2.0/24", 3, RANK_REGION);
    add_text(&list, "198.51.100.0/24", 4, RANK_REGION);
    add_text(&list, "198.51.100.0/24", 4, RANK_REGION);
    cmp_ok(range_settle(&list), ==, 1, "one prefix with two places of one rank");
    cmp_ok(list.count, ==, 2, "every prefix once");
    ok(built(&tree, &list), "built");
    cmp_ok(find(&tree, "192.0.2.9"), ==, 2, "a region beats global, the first beats the second");
    prefix_tree_free(&tree);
    range_list_free(&list);
}

static void test_merge(void)
{
    struct range_list list = {0};
    struct prefix_tree tree;
    char text[PREFIX_TEXT];
    unsigned bits;
    for (int i = 0; i < 256; i++) {
        snprintf(text, sizeof text, "10.0.%d.0/24", i);
        add_text(&list, text, 7, RANK_REGION);
    }
    add_text(&list, "10.0.3.0/28", 7, RANK_REGION);
    ok(built(&tree, &list), "256 neighbours of one place");
    prefix_tree_find(&tree, prefix("10.0.77.1").address, &bits);
    cmp_ok(bits, ==, 96 + 16, "are one network");
    cmp_ok(prefix_tree_networks(&tree), ==, 1, "and nothing else");
    prefix_tree_free(&tree);
    range_list_free(&list);
}

static void test_families(void)
{
    struct range_list list = {0};
    struct prefix_tree tree;
    add_text(&list, "::/0", 1, RANK_REGION);
    add_text(&list, "35.180.0.0/16", 2, RANK_REGION);
    ok(built(&tree, &list), "::/0 and an IPv4 network");
    cmp_ok(find(&tree, "35.180.1.1"), ==, 2, "the IPv4 network");
    cmp_ok(find(&tree, "35.181.1.1"), ==, -1, "::/0 says nothing of IPv4");
    cmp_ok(find(&tree, "2001:db8::1"), ==, 1, "but of IPv6");
    static const uint8_t in_ipv6[][16] = {
        {[10] = 0xff, [11] = 0xff, [12] = 35, 180, 1, 1},
        {0x00, 0x64, 0xff, 0x9b, [12] = 35, 180, 1, 1},
        {0x20, 0x02, 35, 180, 1, 1, [15] = 1},
    };
    static const char *const names[] = {"v4-mapped", "NAT64", "6to4"};
    for (int i = 0; i < 3; i++)
        cmp_ok(prefix_tree_find(&tree, in_ipv6[i], NULL), ==, LEAF_BIT | 2, "%s", names[i]);
    static const uint8_t teredo[16] = {0x20, 0x01, 0, 0, 35, 180, 1, 1};
    cmp_ok(prefix_tree_find(&tree, teredo, NULL), ==, LEAF_BIT | 1, "Teredo's server is not it");
    prefix_tree_free(&tree);
    range_list_free(&list);
}

static void test_extremes(void)
{
    struct range_list list = {0};
    struct prefix_tree tree;
    ok(built(&tree, &list), "an empty list is built");
    cmp_ok(find(&tree, "192.0.2.1"), ==, -1, "and knows nothing");
    prefix_tree_free(&tree);
    add_text(&list, "0.0.0.0/0", 3, RANK_REGION);
    add_text(&list, "::/0", 3, RANK_REGION);
    ok(built(&tree, &list), "everything in one place");
    cmp_ok(find(&tree, "255.255.255.255"), ==, 3, "IPv4");
    cmp_ok(find(&tree, "ffff::"), ==, 3, "IPv6");
    ok(!link_is_leaf(tree.root), "there is a node, as a file needs");
    prefix_tree_free(&tree);
    range_list_free(&list);
}

/* Crowded into a few networks, so that they nest. */
static struct prefix random_prefix(void)
{
    struct prefix p = {.bits = 0};
    bool ipv4 = any(2);
    unsigned from = ipv4 ? 12 : 2, most = ipv4 ? 4 : 8;
    if (!ipv4)
        memcpy(p.address, (uint8_t[]){0x20, 0x01}, 2);
    for (unsigned i = 0; i < most; i++)
        p.address[from + i] = (uint8_t)(any(3) * 85);
    p.bits = (uint8_t)(8 * from + 1 + any(8 * most));
    for (unsigned depth = p.bits; depth < 128; depth++)
        p.address[depth / 8] = (uint8_t)(p.address[depth / 8] & ~(0x80u >> (depth % 8)));
    return p;
}

static bool covers(const struct prefix *p, const uint8_t address[16])
{
    for (unsigned depth = 0; depth < p->bits; depth++)
        if (prefix_bit(p->address, depth) != prefix_bit(address, depth))
            return false;
    return true;
}

static uint32_t naive(const struct range_entry *entries, size_t count, const uint8_t address[16])
{
    uint32_t best = LEAF_EMPTY;
    int longest = -1;
    for (size_t i = 0; i < count; i++)
        if (entries[i].prefix.bits > longest && covers(&entries[i].prefix, address)) {
            longest = entries[i].prefix.bits;
            best = LEAF_BIT | entries[i].record;
        }
    return best;
}

static void test_random(void)
{
    struct range_list list = {0};
    struct prefix_tree tree, again;
    for (int i = 0; i < RANDOM_PREFIXES; i++)
        add(&list, random_prefix(), any(40), RANK_REGION);
    struct range_entry *entries = malloc(list.count * sizeof *entries);
    size_t count = list.count;
    memcpy(entries, list.entries, count * sizeof *entries);
    ok(built(&tree, &list), "%zu random prefixes, %zu different", count, list.count);
    int wrong = 0, found = 0;
    for (int i = 0; i < RANDOM_LOOKUPS; i++) {
        struct prefix p = random_prefix();
        for (unsigned depth = p.bits; depth < 128; depth++)
            if (any(2))
                prefix_set_bit(p.address, depth);
        uint32_t want = naive(entries, count, p.address);
        found += want != LEAF_EMPTY;
        wrong += prefix_tree_find(&tree, p.address, NULL) != want;
    }
    cmp_ok(wrong, ==, 0, "%d look-ups, %d found, all as by trying every prefix", RANDOM_LOOKUPS,
           found);
    struct range_list backwards = {0};
    for (size_t i = list.count; i-- > 0;)
        add(&backwards, list.entries[i].prefix, list.entries[i].record, RANK_REGION);
    ok(built(&again, &backwards) && again.count == tree.count &&
           memcmp(again.nodes, tree.nodes, tree.count * sizeof *tree.nodes) == 0,
       "the order of the list does not matter");
    prefix_tree_free(&tree);
    prefix_tree_free(&again);
    range_list_free(&list);
    range_list_free(&backwards);
    free(entries);
}

int main(void)
{
    test_parse();
    test_longest();
    test_equal();
    test_merge();
    test_families();
    test_extremes();
    test_random();
    return done_testing();
}
