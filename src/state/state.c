/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "core/plain_file.h"

enum { GROUPS_MAX = 256, CIFS_MAGIC = (int)0xFF534D42 };

static bool in_group(gid_t group)
{
    gid_t groups[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, groups);

    if (group == getegid())
        return true;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static bool has_right_owner(const struct stat *status)
{
    mode_t mode = status->st_mode & 07777;
    bool ours = status->st_uid == geteuid() || status->st_uid == 0 || geteuid() == 0;

    if (mode & S_IWOTH)
        return false;
    if (mode == 02770)
        return ours || in_group(status->st_gid);
    return ours && !(mode & S_IWGRP);
}

static bool is_on_network(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return true;
    return fs.f_type == NFS_SUPER_MAGIC || fs.f_type == SMB_SUPER_MAGIC ||
           (int)fs.f_type == CIFS_MAGIC;
}

static bool is_acceptable(int fd, const char *directory, struct why *why)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return why_not(why, "The state directory %s cannot be looked at: %s.", directory,
                       strerror(errno));
    if (!has_right_owner(&status))
        return why_not(
            why,
            "The state directory %s has owner %u, group %u and mode %04o, and this process is of "
            "user %u: it must belong to the web server's user and be writable for it alone, or "
            "belong to its group with mode 2770.",
            directory, (unsigned)status.st_uid, (unsigned)status.st_gid,
            (unsigned)status.st_mode & 07777, (unsigned)geteuid());
    if (is_on_network(fd))
        return why_not(why,
                       "The state directory %s is on a network file system: choose a local one.",
                       directory);
    return true;
}

/* Without slashes at its end, with which a symbolic link would be followed. */
static bool trim(char trimmed[PATH_MAX], const char *directory)
{
    size_t len = strlen(directory);

    while (len > 1 && directory[len - 1] == '/')
        len--;
    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(trimmed, directory, len);
    trimmed[len] = '\0';
    return true;
}

int state_open(const char *directory, struct why *why)
{
    char name[PATH_MAX];
    int fd =
        trim(name, directory) ? open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int error = errno;

    if (fd < 0) {
        why_not(why, "The state directory %s cannot be opened: %s%s.", directory, strerror(error),
                error == ENOENT ? "; make it, for the web server's user, or set `state`" : "");
        errno = error;
        return -1;
    }
    if (is_acceptable(fd, directory, why))
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}

/* Takes what has been opened, or why nothing could be. */
static void take(struct state *state, int fd, const struct why *why, int error)
{
    struct stat status = {0};

    if (fd >= 0)
        fstat(fd, &status);
    *state = (struct state){.name = state->name,
                            .fd = fd,
                            .is_missing = fd < 0 && error == ENOENT,
                            .for_group = (status.st_mode & 07777) == 02770,
                            .device = status.st_dev,
                            .inode = status.st_ino};
    if (fd < 0)
        state->why = *why;
}

void state_begin(struct state *state, const char *name)
{
    struct why why;
    int fd = state_open(name, &why);

    state->name = name;
    take(state, fd, &why, errno);
}

static bool is_held(const struct state *state, int fd)
{
    struct stat status;

    return state->fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == state->device &&
           status.st_ino == state->inode;
}

bool state_look(struct state *state)
{
    struct why why;
    int fd = state_open(state->name, &why);
    int error = errno;

    bool is_known = fd < 0 && state->fd < 0 && strcmp(why.text, state->why.text) == 0;
    if (is_known || (fd < 0 && plain_file_may_open_later(error)))
        return false;
    if (fd >= 0 && is_held(state, fd)) {
        close(fd);
        return false;
    }
    state_end(state);
    take(state, fd, &why, error);
    return true;
}

void state_end(struct state *state)
{
    if (state->fd >= 0)
        close(state->fd);
    state->fd = -1;
}
