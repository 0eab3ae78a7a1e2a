/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of a repository, and the repositories of a registry. */
#ifndef REGISTRY_TAGS_H
#define REGISTRY_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"
#include "core/why.h"
#include "parse/oci.h"
#include "registry/client.h"

enum { NAME_LIST_MAX = 1000 * 1000, NAME_PAGES_MAX = 1000 };

/* Start it with {0}; the strings are the list's own. */
struct name_list {
    char **list;
    size_t count, room;
};

/* Adds a name, which is copied. False, with the reason, if there are too many. */
bool name_list_add(struct name_list *names, struct slice name, struct why *why);

/*
 * Adds the tags of a repository that hold signatures, or with wanted NULL all tags,
 * from all pages. REGISTRY_ABSENT: there is no such repository; REGISTRY_FAILED,
 * with the reason: not all could be read, those that could are there.
 */
enum registry_outcome tags_read(struct name_list *tags, struct registry_client *client,
                                struct slice name, const struct signature_tags *wanted,
                                struct why *why);

/*
 * Adds the names of a registry's repositories, without the prefix that it has them
 * under; others are passed over. REGISTRY_ABSENT: it has no catalog.
 */
enum registry_outcome catalog_read(struct name_list *names, struct registry_client *client,
                                   struct slice prefix, struct why *why);

void name_list_clear(struct name_list *names);

#endif
