/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/door.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "core/lock.h"
#include "state/ask.h"

enum { BACKLOG = 128, GROUPS_MAX = 1024 };

static const char lock_name[] = "prober.lock";

static bool take_lock(struct door *door, const struct state *state, struct why *why)
{
    door->lock = lock_take(door->directory, state->name, lock_name, 0, why);
    if (door->lock >= 0)
        return true;
    if (errno != EWOULDBLOCK)
        return false;
    why_not(why, "Another prober serves the state directory %s already: process %ld.", state->name,
            lock_holder(door->directory, lock_name));
    errno = EWOULDBLOCK;
    return false;
}

/* By way of the open directory, since a socket's name may not be longer than 107 bytes. */
static struct sockaddr_un address_of(const struct door *door)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", door->directory,
             ASK_SOCKET);
    return address;
}

static bool listen_there(struct door *door, const struct state *state, struct why *why)
{
    struct sockaddr_un address = address_of(door);
    mode_t mode = door->for_group ? 0660 : 0600;

    unlinkat(door->directory, ASK_SOCKET, 0); /* of a prober that was killed: we have the lock */
    door->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before = umask(door->for_group ? 0007 : 0077);
    bool bound =
        door->socket >= 0 && bind(door->socket, (struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    if (bound && fchmodat(door->directory, ASK_SOCKET, mode, 0) == 0 &&
        listen(door->socket, BACKLOG) == 0)
        return true;
    why_not(why, "The prober cannot listen in the state directory %s: %s.", state->name,
            strerror(errno));
    errno = 0;
    return false;
}

bool door_open(struct door *door, const struct state *state, struct why *why)
{
    struct stat status;

    *door = DOOR_CLOSED;
    if (state->fd < 0)
        return why_not(why, "%s", state->why.text);
    door->directory = fcntl(state->fd, F_DUPFD_CLOEXEC, 0);
    if (door->directory < 0 || fstat(door->directory, &status) < 0)
        return why_not(why, "The state directory %s cannot be used: %s.", state->name,
                       strerror(errno));
    door->for_group = state->for_group;
    door->group = status.st_gid;
    door->device = status.st_dev;
    door->inode = status.st_ino;
    if (take_lock(door, state, why) && listen_there(door, state, why))
        return true;
    int error = errno;
    door_close(door);
    errno = error;
    return false;
}

void door_close(struct door *door)
{
    if (door->socket >= 0) {
        unlinkat(door->directory, ASK_SOCKET, 0);
        close(door->socket);
    }
    if (door->lock >= 0)
        close(door->lock);
    if (door->directory >= 0)
        close(door->directory);
    *door = DOOR_CLOSED;
}

static bool is_in_group(int fd, gid_t own, gid_t wanted)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;

    if (own == wanted)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
        return false;
    for (size_t i = 0; i < len / sizeof *groups; i++)
        if (groups[i] == wanted)
            return true;
    return false;
}

static bool is_welcome(const struct door *door, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() ||
           (door->for_group && is_in_group(fd, peer.gid, door->group));
}

int door_accept(const struct door *door, bool *refused)
{
    /* cppcheck-suppress nullPointer; accept4 takes that for "no address is wanted" */
    int fd = accept4(door->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    *refused = fd >= 0 && !is_welcome(door, fd);
    if (!*refused)
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}
