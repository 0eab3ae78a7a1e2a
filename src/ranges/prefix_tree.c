/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "ranges/prefix_tree.h"

/*
 * Where IPv4 appears again: IPv4-mapped addresses (RFC 4291, 2.5.5.2), NAT64
 * (RFC 6052, 2.1) and 6to4 (RFC 3056). MaxMind's files have Teredo (2001::/32)
 * too: it is left out, since what it shows in the clear is the Teredo server's
 * address, not the client's.
 */
static const struct prefix aliases[] = {
    {.address = {[10] = 0xff, [11] = 0xff}, .bits = 96},
    {.address = {0x00, 0x64, 0xff, 0x9b}, .bits = 96},
    {.address = {0x20, 0x02}, .bits = 16},
};

enum { ALIASES = sizeof aliases / sizeof *aliases };

bool prefix_is_alias(const struct prefix *prefix)
{
    for (size_t i = 0; i < ALIASES; i++)
        if (prefix_compare(&aliases[i], prefix) == 0)
            return true;
    return false;
}

/* The entries between two indexes, all of which share their first depth bits. */
struct span {
    const struct range_entry *entries;
    size_t from, to;
    unsigned depth;
};

static bool add_node(struct prefix_tree *tree, uint32_t left, uint32_t right, uint32_t *link)
{
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 4096;
        void *nodes =
            room <= TREE_NODES_MAX ? realloc(tree->nodes, room * sizeof *tree->nodes) : NULL;
        if (!nodes)
            return false;
        tree->nodes = nodes;
        tree->room = room;
    }
    tree->nodes[tree->count] = (struct tree_node){{left, right}};
    *link = (uint32_t)tree->count++;
    return true;
}

/* Two children as one link: a leaf if both are the same leaf. */
static bool join(struct prefix_tree *tree, uint32_t left, uint32_t right, uint32_t *link)
{
    if (left == right && link_is_leaf(left)) {
        *link = left;
        return true;
    }
    return add_node(tree, left, right, link);
}

/* The first entry of the span whose next bit is 1. */
static size_t find_split(struct span span)
{
    while (span.from < span.to) {
        size_t middle = span.from + (span.to - span.from) / 2;
        if (prefix_bit(span.entries[middle].prefix.address, span.depth))
            span.to = middle;
        else
            span.from = middle + 1;
    }
    return span.from;
}

/* Recursion is bounded by the 128 bits of an address. */
static bool build(struct prefix_tree *tree, struct span span, uint32_t around, uint32_t *link)
{
    for (; span.from < span.to && span.entries[span.from].prefix.bits == span.depth; span.from++)
        around = LEAF_BIT | span.entries[span.from].record;
    if (span.from == span.to) {
        *link = around;
        return true;
    }
    size_t split = find_split(span);
    struct span low = {span.entries, span.from, split, span.depth + 1};
    struct span high = {span.entries, split, span.to, span.depth + 1};
    uint32_t left, right;
    return build(tree, low, around, &left) && build(tree, high, around, &right) &&
           join(tree, left, right, link);
}

/*
 * Puts a link where a prefix is, in a copy of the path to it: what was there
 * before stays as it was.
 */
static bool graft(struct prefix_tree *tree, uint32_t at, const struct prefix *prefix,
                  unsigned depth, uint32_t with, uint32_t *link)
{
    if (depth == prefix->bits) {
        *link = with;
        return true;
    }
    uint32_t child[2] = {at, at};
    if (!link_is_leaf(at))
        memcpy(child, tree->nodes[at].child, sizeof child);
    unsigned bit = prefix_bit(prefix->address, depth);
    return graft(tree, child[bit], prefix, depth + 1, with, &child[bit]) &&
           join(tree, child[0], child[1], link);
}

static bool join_families(struct prefix_tree *tree)
{
    const struct prefix ipv4 = {.bits = IPV4_BITS};
    if (!graft(tree, tree->ipv6, &ipv4, 0, tree->ipv4, &tree->root))
        return false;
    for (size_t i = 0; i < ALIASES && tree->ipv4 != LEAF_EMPTY; i++)
        if (!graft(tree, tree->root, &aliases[i], 0, tree->ipv4, &tree->root))
            return false;
    /* A file needs a node to say it in. */
    return !link_is_leaf(tree->root) || tree->root == LEAF_EMPTY ||
           add_node(tree, tree->root, tree->root, &tree->root);
}

bool prefix_tree_build(struct prefix_tree *tree, const struct range_list *list,
                       struct range_error *error)
{
    size_t split = 0;
    *tree = (struct prefix_tree){.ipv4 = LEAF_EMPTY, .ipv6 = LEAF_EMPTY, .root = LEAF_EMPTY};
    while (split < list->count && prefix_is_ipv4(&list->entries[split].prefix))
        split++;
    struct span ipv4 = {list->entries, 0, split, IPV4_BITS};
    struct span ipv6 = {list->entries, split, list->count, 0};
    if (!build(tree, ipv4, LEAF_EMPTY, &tree->ipv4) ||
        !build(tree, ipv6, LEAF_EMPTY, &tree->ipv6) || !join_families(tree))
        return range_fail(error,
                          "The tree of %zu prefixes needs more than %d nodes, or more memory than "
                          "there is.",
                          list->count, TREE_NODES_MAX);
    return true;
}

void prefix_tree_free(struct prefix_tree *tree)
{
    free(tree->nodes);
    tree->nodes = NULL;
}

uint32_t prefix_tree_find(const struct prefix_tree *tree, const uint8_t address[16], unsigned *bits)
{
    uint32_t link = tree->root;
    unsigned depth = 0;
    for (; !link_is_leaf(link); depth++)
        link = tree->nodes[link].child[prefix_bit(address, depth)];
    if (bits)
        *bits = depth;
    return link;
}

static size_t count_networks(const struct prefix_tree *tree, uint32_t link)
{
    if (link_is_leaf(link))
        return link != LEAF_EMPTY;
    return count_networks(tree, tree->nodes[link].child[0]) +
           count_networks(tree, tree->nodes[link].child[1]);
}

size_t prefix_tree_networks(const struct prefix_tree *tree)
{
    return count_networks(tree, tree->ipv4) + count_networks(tree, tree->ipv6);
}
