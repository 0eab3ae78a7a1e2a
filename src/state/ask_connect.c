/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the prober's socket, and whether to trust who is there. */
#include "config.h"
#include "state/ask.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GROUPS_MAX = 256 };

/* Whether the process at the other end has a group besides its first. */
static bool peer_in_group(int fd, gid_t group)
{
#ifdef SO_PEERGROUPS
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return false;
    for (size_t i = 0; i < len / sizeof *groups; i++)
        if (groups[i] == group)
            return true;
#else
    (void)fd, (void)group;
#endif
    return false;
}

/*
 * Trusted is whoever may write to the state directory: this process's user, the
 * directory's owner, root; and where it belongs to a group, who is in that.
 */
static bool is_trusted(int fd, int directory, struct why *why)
{
    struct ucred peer;
    struct stat status;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || fstat(directory, &status) != 0)
        return why_not(why, "The prober's process cannot be looked at: %s.", strerror(errno));
    if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == status.st_uid)
        return true;
    if (status.st_mode & S_IWGRP && (peer.gid == status.st_gid || peer_in_group(fd, status.st_gid)))
        return true;
    return why_not(
        why,
        "The process %ld at the prober's socket belongs to user %lu, who has no right to "
        "the state directory, so it is not asked.",
        (long)peer.pid, (unsigned long)peer.uid);
}

/*
 * By way of the open directory, so that it is the one that was checked, and its name
 * may be long; by its name where there is no /proc.
 */
static bool connect_in(int fd, int directory, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct sockaddr *to = (const struct sockaddr *)&address;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory,
             ASK_SOCKET);
    if (connect(fd, to, sizeof address) == 0)
        return true;
    if (errno != ENOENT || access("/proc/self/fd", F_OK) == 0)
        return false;
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", name, ASK_SOCKET);
    return len > 0 && (size_t)len < sizeof address.sun_path && connect(fd, to, sizeof address) == 0;
}

static int connect_socket(int directory, const char *name, struct why *why)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect_in(fd, directory, name) && is_trusted(fd, directory, why))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int ask_connect(const struct state *state, struct why *why)
{
    why_not(why, "%s", ""); /* that there is no prober needs no reason */
    return state->fd < 0 ? -1 : connect_socket(state->fd, state->name, why);
}
