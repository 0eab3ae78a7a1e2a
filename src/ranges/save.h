/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces files as a whole: readers see the old one or the new one, never a part. */
#ifndef RANGES_SAVE_H
#define RANGES_SAVE_H

#include <stdio.h>
#include "ranges/range_list.h"

/* A file being written beside the one that it will replace. */
struct save {
    FILE *file;
    const char *path; /* borrowed */
    char *temporary;
};

/* Opens a temporary file in the folder of path. False with the error filled. */
bool save_open(struct save *save, const char *path, struct range_error *error);

/*
 * Syncs the file and renames it to its path, unless what is there has the same
 * bytes: then it is left alone, so that nobody reads it anew, and *same is set
 * (same may be NULL). In any case the temporary file is gone afterwards.
 */
bool save_commit(struct save *save, bool *same, struct range_error *error);

/* Drops what was written; the old file stays. */
void save_abandon(struct save *save);

#endif
