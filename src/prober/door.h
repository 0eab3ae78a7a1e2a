/* SPDX-License-Identifier: Apache-2.0 */
/* Where responders find the prober: the lock that keeps it single, and its socket. */
#ifndef PROBER_DOOR_H
#define PROBER_DOOR_H

#include <stdbool.h>
#include <sys/types.h>
#include "why.h"

struct door {
    int directory, lock, socket;
    bool for_group; /* the directory is its group's */
    gid_t group;
};

/*
 * Takes the lock in the state directory, and listens. False with the reason: the
 * directory is not acceptable (see state.h), or another prober has the lock.
 */
bool door_open(struct door *door, const char *state_directory, struct why *why);

/* Takes the socket away, and lets go of the lock. */
void door_close(struct door *door);

/*
 * The next client; -1 if there is none, with errno. One that is neither this user nor
 * root, nor of the group of a directory that is the group's, is turned away: *refused.
 */
int door_accept(const struct door *door, bool *refused);

#endif
