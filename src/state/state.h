/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: what running processes share, and only they may write. */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <sys/types.h>
#include "core/why.h"

/*
 * Opens the state directory. It must be a directory itself (no symbolic link),
 * owned by this process's user or root and not writable by others, or belong to
 * one of its groups with mode 2770, and not lie on a network file system. Returns
 * a descriptor, which the caller closes, or -1 with the reason and errno.
 */
int state_open(const char *directory, struct why *why);

/*
 * The directory as a process uses it that stays: by its descriptor, so that what was
 * checked is what is used.
 */
struct state {
    const char *name; /* borrowed */
    int fd;           /* -1: there is none to be used */
    bool is_missing;  /* then: since none has the name */
    struct why why;   /* then: the reason */
    bool for_group;   /* it is its group's: so is what is in it */
    dev_t device;
    ino_t inode;
};

/* Opens it, if that can be. */
void state_begin(struct state *state, const char *name);

/*
 * Looks again what has the name, about once a second. A directory that is not as it must be
 * is used no longer; one that has come in its place, and is as it must be, is from now on.
 * Returns whether the directory is another one now, or the reason why there is none.
 */
bool state_look(struct state *state);

/* Closes it. */
void state_end(struct state *state);

#endif
