/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaces files as a whole: readers see the old one or the new one, never a part. One process
 * at a time replaces a file; others wait for it.
 */
#ifndef RANGES_SAVE_H
#define RANGES_SAVE_H

#include <stdio.h>
#include "core/replacement.h"
#include "ranges/range_list.h"

/* A file being written beside the one that it will replace; it must stay where it is. */
struct save {
    FILE *file;
    const char *path; /* borrowed */
    struct replacement new;
    char lock_name[NAME_MAX + 1];
    int lock;
};

/*
 * Makes a new file in the folder of path. Until the end, the old one is no other process's to
 * replace. False with the error filled.
 */
bool save_open(struct save *save, const char *path, struct range_error *error);

/*
 * Syncs the file and renames it to its path, unless what is there has the same bytes: then it
 * is left alone, so that nobody reads it anew, and *same is set (same may be NULL). In any
 * case the new file is in its place or gone afterwards.
 */
bool save_commit(struct save *save, bool *same, struct range_error *error);

/* Drops what was written; the old file stays. */
void save_abandon(struct save *save);

#endif
