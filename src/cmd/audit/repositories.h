/* SPDX-License-Identifier: Apache-2.0 */
/* Which repositories an audit looks at. */
#ifndef CMD_AUDIT_REPOSITORIES_H
#define CMD_AUDIT_REPOSITORIES_H

#include <stdbool.h>
#include "cmd/audit/registries.h"
#include "core/slice.h"
#include "core/why.h"
#include "registry/tags.h"

/* Start it with {0}; the names are sorted at the end, each there once. */
struct repositories {
    struct name_list names;
    /* Where catalogs were read: for each registry why that failed, or NULL. */
    char **blind;
};

/*
 * Adds a repository's name, with or without the public host before it. False with
 * the reason if it is no such name.
 */
bool repositories_add(struct repositories *repositories, struct slice host, const char *name,
                      struct why *why);

/* Adds the names in a file, one a line; "#" begins a comment. False with the reason. */
bool repositories_read(struct repositories *repositories, struct slice host, const char *file,
                       struct why *why);

/*
 * Adds the names in the catalogs of all registries. False with the reason if none of
 * them can be read, or it was interrupted.
 */
bool repositories_list(struct repositories *repositories, const struct registries *registries,
                       struct why *why);

/* Sorts the names, and leaves each there once. */
void repositories_sort(struct repositories *repositories);

void repositories_clear(struct repositories *repositories, size_t registries);

#endif
