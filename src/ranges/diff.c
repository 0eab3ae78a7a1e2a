/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "ranges/diff.h"

struct both {
    const struct prefix_tree *before, *after;
    struct changes *changes;
};

/* What a subtree says of all its addresses, if it says the same of all. */
struct uniform {
    bool is;
    uint32_t before, after;
};

static void note(struct changes *changes, const struct prefix *prefix, const struct uniform *what)
{
    if (!what->is || what->before == what->after)
        return;
    if (changes->count == changes->room) {
        size_t room = changes->room ? 2 * changes->room : 256;
        void *list = realloc(changes->list, room * sizeof *changes->list);
        if (!list) {
            changes->failed = true;
            return;
        }
        changes->list = list;
        changes->room = room;
    }
    changes->list[changes->count++] = (struct change){*prefix, what->before, what->after};
}

static uint32_t step(const struct prefix_tree *tree, uint32_t link, int side)
{
    return link_is_leaf(link) ? link : tree->nodes[link].child[side];
}

/* Notes the changes below, except that of the whole, which the caller may join with its sibling. */
static struct uniform compare(const struct both *both, uint32_t before, uint32_t after,
                              struct prefix prefix)
{
    if (link_is_leaf(before) && link_is_leaf(after))
        return (struct uniform){true, before, after};
    struct prefix half[2] = {prefix, prefix};
    struct uniform said[2] = {0};
    prefix_set_bit(half[1].address, prefix.bits);
    for (int side = 0; side < 2; side++) {
        half[side].bits++;
        said[side] = compare(both, step(both->before, before, side), step(both->after, after, side),
                             half[side]);
    }
    if (said[0].is && said[1].is && said[0].before == said[1].before &&
        said[0].after == said[1].after)
        return said[0];
    note(both->changes, &half[0], &said[0]);
    note(both->changes, &half[1], &said[1]);
    return (struct uniform){0};
}

static int by_address(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    bool ipv4 = prefix_is_ipv4(&a->prefix);
    if (ipv4 != prefix_is_ipv4(&b->prefix))
        return ipv4 ? -1 : 1;
    return prefix_compare(&a->prefix, &b->prefix);
}

bool changes_find(struct changes *changes, const struct prefix_tree *before,
                  const struct prefix_tree *after)
{
    struct both both = {before, after, changes};
    struct prefix ipv4 = {.bits = IPV4_BITS}, ipv6 = {.bits = 0};
    struct uniform said = compare(&both, before->ipv4, after->ipv4, ipv4);
    note(changes, &ipv4, &said);
    said = compare(&both, before->ipv6, after->ipv6, ipv6);
    note(changes, &ipv6, &said);
    if (changes->count)
        qsort(changes->list, changes->count, sizeof *changes->list, by_address);
    return !changes->failed;
}

void changes_free(struct changes *changes)
{
    free(changes->list);
    changes->list = NULL;
}
