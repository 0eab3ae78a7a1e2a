/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: which digests exist only at the canonical registry. A file of sorted
 * lines (see index_file.h), written by `signpost index add`, opened when it is
 * first needed, and taken anew when it is replaced. One that is bad is refused,
 * and what was open before serves on.
 */
#ifndef INDEX_H
#define INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include "slice.h"

/* Told of each thing that is wrong once: a whole sentence. */
typedef void index_log(void *context, const char *text);

struct index;

/* An index in a file that need not be there; opens nothing yet. NULL without memory. */
struct index *index_new(const char *name, index_log *log, void *log_context);

/* NULL is fine. */
void index_free(struct index *index);

/*
 * Whether the index lists a digest. The first call opens the file, and checks
 * only what its searches touch, so that a start costs the same whatever its size.
 * NULL is fine, and lists nothing.
 */
bool index_has(struct index *index, struct slice digest);

/*
 * For processes that stay: looks, at most once a second of the clock now_ms (any
 * monotonic milliseconds), whether the file was replaced, and checks every line
 * of a new one (a million take some 40 ms) before it takes the old one's place.
 */
void index_refresh(struct index *index, int64_t now_ms);

#endif
