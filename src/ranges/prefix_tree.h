/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary tree over address bits, built from a settled list at one go: every
 * leaf carries the record of the longest prefix around it, so that a look-up
 * needs no second thought, and siblings that say the same are one leaf. The
 * tree depends only on which prefixes have which records, not on their order.
 */
#ifndef RANGES_PREFIX_TREE_H
#define RANGES_PREFIX_TREE_H

#include "ranges/range_list.h"

/* A link is a node's index, or LEAF_BIT and a record's number, or LEAF_EMPTY. */
#define LEAF_BIT   0x80000000u
#define LEAF_EMPTY 0xffffffffu

enum { TREE_NODES_MAX = 1 << 26 };

struct tree_node {
    uint32_t child[2]; /* links, for the next bit being 0 or 1 */
};

struct prefix_tree {
    struct tree_node *nodes;
    size_t count, room;
    uint32_t ipv4, ipv6; /* links: each family by itself */
    uint32_t root;       /* link: both in one tree, as prefix_tree_join makes it */
};

static inline bool link_is_leaf(uint32_t link)
{
    return (link & LEAF_BIT) != 0;
}

/*
 * Builds the tree of a list after range_settle. Its root holds the IPv4 networks
 * under ::/96 and again under the prefixes in which IPv6 carries IPv4 addresses
 * in the clear. False with the error filled without memory or at TREE_NODES_MAX
 * nodes. Free the tree in any case.
 */
bool prefix_tree_build(struct prefix_tree *tree, const struct range_list *list,
                       struct range_error *error);
void prefix_tree_free(struct prefix_tree *tree);

/* Whether this is one of those prefixes under which IPv6 carries IPv4 addresses. */
bool prefix_is_alias(const struct prefix *prefix);

/*
 * The leaf of an address (IPv4 under ::/96): LEAF_EMPTY, or LEAF_BIT and the
 * record of the longest prefix. bits, if not NULL, gets the depth of the leaf.
 */
uint32_t prefix_tree_find(const struct prefix_tree *tree, const uint8_t address[16],
                          unsigned *bits);

/* How many leaves of the two families have a record. */
size_t prefix_tree_networks(const struct prefix_tree *tree);

#endif
