/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches what is new of an index's sources into the state directory, for responders (see
 * index_fetched.h): the list of each as it is published, and the files it names, all checked.
 * A list is switched by one rename. What is refused leaves the one before as it is.
 */
#ifndef INDEX_PULL_H
#define INDEX_PULL_H

#include "configuration.h"
#include "index_status.h"
#include "state.h"

struct index_pull {
    const struct config *config;
    const struct state *state; /* open */
    int64_t now_s;
    bool says_again; /* also what was said the last time */
    void (*say)(void *context, const char *sentence);
    void *context;
};

/*
 * Asks all sources. False, after sentences about it, if one was refused or nothing could be done.
 * status (may be NULL): what the status file says then.
 */
bool index_pull(const struct index_pull *pull, struct index_status *status);

#endif
