/* SPDX-License-Identifier: Apache-2.0 */
/* Adds digests to an index file. */
#ifndef INDEX_MERGE_H
#define INDEX_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include "why.h"

struct index_merged {
    size_t added; /* that were not there before */
    size_t all;   /* that are there now */
};

/*
 * Adds digests (sorted by their bytes, each once) to an index file, which is made
 * if it is not there. Readers see the old file or the new one; of several writers
 * none loses what another adds. A file that is no good index stays as it is.
 * False with the reason.
 */
bool index_merge(const char *name, char *const *digests, size_t count, struct index_merged *merged,
                 struct why *why);

#endif
