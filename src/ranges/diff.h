/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two trees whose lists share one table of records. */
#ifndef RANGES_DIFF_H
#define RANGES_DIFF_H

#include "ranges/prefix_tree.h"

/* A network whose answer changed; before and after are leaves. */
struct change {
    struct prefix prefix;
    uint32_t before, after;
};

struct changes {
    struct change *list;
    size_t count, room;
    bool failed; /* no memory */
};

/*
 * Lists the largest networks for which the trees answer differently, IPv4 first,
 * in the order of addresses. Free it in any case; false without memory.
 */
bool changes_find(struct changes *changes, const struct prefix_tree *before,
                  const struct prefix_tree *after);
void changes_free(struct changes *changes);

#endif
