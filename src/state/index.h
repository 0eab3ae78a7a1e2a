/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: which digests exist only at the canonical registry, and in which of its
 * repositories. Files of sorted lines (see index_file.h), those that the configuration names
 * and those that were fetched from its sources, searched one after the other, each opened when
 * it is first needed, and taken anew when it is replaced. One that is bad is refused, and what
 * was open before serves on.
 */
#ifndef STATE_INDEX_H
#define STATE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"

/* Told of each thing that is wrong once: a whole sentence. */
typedef void index_log(void *context, const char *text);

struct index;
struct index_source;
struct state;

/*
 * An index in files that need not be there, whose names are borrowed; opens nothing yet. NULL
 * without memory.
 */
struct index *index_new(const char *const *names, size_t count, index_log *log, void *log_context);

/*
 * Joins to it what is fetched from sources, for a registry of this name, into a state directory:
 * all borrowed; the directory may become another one. False without memory.
 */
bool index_join(struct index *index, const struct state *state, const struct index_source *sources,
                size_t count, struct slice registry);

/* NULL is fine. */
void index_free(struct index *index);

/*
 * What lists a digest in a repository, named as clients name it: a file's name, or the first
 * address of a source, borrowed from whoever made the index; NULL if nothing does. The first call
 * opens the files. No file is read as a whole: a search checks what it touches, and writers the
 * rest. An index of NULL lists nothing.
 */
const char *index_listed_by(struct index *index, struct slice digest, struct slice repository);

/*
 * For processes that stay: looks, at most once a second of the clock now_ms (any monotonic
 * milliseconds), whether a file was replaced.
 */
void index_refresh(struct index *index, int64_t now_ms);

#endif
