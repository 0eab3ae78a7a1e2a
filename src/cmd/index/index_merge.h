/* SPDX-License-Identifier: Apache-2.0 */
/* Adds digests to an index file. */
#ifndef CMD_INDEX_INDEX_MERGE_H
#define CMD_INDEX_INDEX_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include "core/why.h"

struct index_merged {
    size_t added; /* lines that were not there before */
    size_t all;   /* that are there now */
};

/*
 * Adds lines (sorted by their bytes, each once) to an index file, which is made
 * if it is not there. Readers see the old file or the new one; of several writers
 * none loses what another adds. A file that is no good index stays as it is.
 * False with the reason.
 */
bool index_merge(const char *name, char *const *lines, size_t count, struct index_merged *merged,
                 struct why *why);

/* Prints how many lines an index has now, and how many of them are new. */
void index_merge_print(const char *name, const struct index_merged *merged);

#endif
