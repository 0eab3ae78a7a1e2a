/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that read registries: a few for each, every one with a connection of
 * its own. They go through the repositories in order, no registry far ahead of the
 * slowest, so that memory holds a few repositories only.
 */
#ifndef CMD_AUDIT_CREW_H
#define CMD_AUDIT_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include "cmd/audit/inventory.h"
#include "cmd/audit/registries.h"

enum {
    CREW_WINDOW = 64,      /* repositories between the slowest registry and the fastest */
    CREW_THREADS_MAX = 512 /* in all */
};

struct crew_task {
    const struct registries *registries;
    const struct signature_tags *tags;
    bool contents; /* of the canonical registry: see inventory.h */
    char *const *repositories;
    size_t repository_count;
    unsigned parallel; /* threads for each registry, fewer if that were too many */
    /*
     * Called by one thread at a time, with the inventories of a repository, one for
     * each registry, borrowed. False stops all.
     */
    bool (*take)(void *context, struct slice repository, const struct inventory *inventories);
    /* Called by the thread that began, a few times a second. */
    void (*progress)(void *context, size_t repositories, size_t requests);
    void *context;
};

/*
 * Reads all repositories at all registries; needs interrupt_hold before. False if it
 * was interrupted or take returned false, or, with the reason, if it cannot begin.
 */
bool crew_run(const struct crew_task *task, struct why *why);

#endif
