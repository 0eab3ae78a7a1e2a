/* SPDX-License-Identifier: Apache-2.0 */
/* The signature tags in a repository, by its list of tags. */
#ifndef REGISTRY_TAGS_H
#define REGISTRY_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include "oci.h"
#include "registry/client.h"
#include "slice.h"
#include "why.h"

enum { TAG_LIST_MAX = 1000 * 1000, TAG_PAGES_MAX = 1000 };

/* Start it with {0}; the strings are the list's own. */
struct tag_list {
    char **list;
    size_t count, room;
};

/*
 * Adds the tags of a repository that hold signatures, from all pages. A repository
 * without a list has none. False, with the reason, if not all could be read; those
 * that could are there.
 */
bool tag_list_read(struct tag_list *tags, struct registry_client *client, struct slice name,
                   const struct signature_tags *wanted, struct why *why);

void tag_list_clear(struct tag_list *tags);

#endif
