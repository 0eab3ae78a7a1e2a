/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One source's part of the index, as responders use it: the list that was fetched last into the
 * state directory, and its files, mapped. Whoever put them there has checked them.
 */
#ifndef STATE_INDEX_FETCHED_H
#define STATE_INDEX_FETCHED_H

#include "state/index.h"
#include "state/index_file.h"
#include "state/index_list.h"

struct index_fetched;

/* Opens nothing yet. Borrows all. NULL without memory. */
struct index_fetched *index_fetched_new(const struct index_source *source, struct slice registry,
                                        index_log *log, void *log_context);

/* NULL is fine. */
void index_fetched_free(struct index_fetched *fetched);

/*
 * Looks in an open state directory (-1: there is none) whether there is another list, and takes
 * it with all of its files, or stays with the one before.
 */
void index_fetched_look(struct index_fetched *fetched, int directory);

/* Whether one of its files lists a digest in a repository; looks before the first search. */
bool index_fetched_has(struct index_fetched *fetched, int directory, struct slice digest,
                       struct slice repository);

#endif
