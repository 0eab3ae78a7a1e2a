/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches what is new of an index's sources into the state directory, for responders (see
 * index_fetched.h): the list of each as it is published, and the files it names, all checked.
 * A list is switched by one rename. What is refused leaves the one before as it is.
 *
 * A list is bound to its source by the name in it: each source keeps the one that came first, and
 * none may have that of a source that stands before it in the configuration.
 */
#ifndef PROBER_INDEX_PULL_H
#define PROBER_INDEX_PULL_H

#include "config/configuration.h"
#include "state/index_status.h"
#include "state/state.h"

/* For one mirror; what takes longer is given up. */
enum { INDEX_PULL_SECONDS = 900 };

struct index_pull {
    const struct config *config;
    const struct state *state; /* open */
    int64_t now_s;
    bool says_again; /* also what was said the last time */
    void (*say)(void *context, const char *sentence);
    void *context;
};

/*
 * Asks one of the configuration's sources; several processes may ask one each. False, after
 * sentences about it, if it was refused or nothing could be done.
 */
bool index_pull_source(const struct index_pull *pull, const struct index_source *source);

/* Asks all sources, one after the other. */
bool index_pull(const struct index_pull *pull);

#endif
