/* SPDX-License-Identifier: Apache-2.0 */
/* Where responders find the prober: the lock that keeps it single, and its socket. */
#ifndef PROBER_DOOR_H
#define PROBER_DOOR_H

#include <stdbool.h>
#include <sys/types.h>
#include "core/why.h"
#include "state/state.h"

struct door {
    int directory; /* a descriptor of its own */
    int lock, socket;
    bool for_group; /* the directory is its group's */
    gid_t group;
    dev_t device; /* of the directory */
    ino_t inode;
};

#define DOOR_CLOSED ((struct door){.directory = -1, .lock = -1, .socket = -1})

/*
 * Takes the lock in the state directory, and listens. False with the reason: there is none
 * to be used, or another prober has the lock (then errno is EWOULDBLOCK).
 */
bool door_open(struct door *door, const struct state *state, struct why *why);

/* Whether it is in this directory. */
static inline bool door_is_in(const struct door *door, const struct state *state)
{
    return door->socket >= 0 && door->device == state->device && door->inode == state->inode;
}

/* Takes the socket away, and lets go of the lock. */
void door_close(struct door *door);

/*
 * The next client; -1 if there is none, with errno. One that is neither this user nor
 * root, nor of the group of a directory that is the group's, is turned away: *refused.
 */
int door_accept(const struct door *door, bool *refused);

#endif
