/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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
            "The state directory %s has owner %u, group %u and mode %04o: it must belong "
            "to the web server's user and be writable for it alone, or belong to its "
            "group with mode 2770.",
            directory, (unsigned)status.st_uid, (unsigned)status.st_gid,
            (unsigned)status.st_mode & 07777);
    if (is_on_network(fd))
        return why_not(why,
                       "The state directory %s is on a network file system: choose a local one.",
                       directory);
    return true;
}

int state_open(const char *directory, struct why *why)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        why_not(why, "The state directory %s cannot be opened: %s%s.", directory, strerror(errno),
                errno == ENOENT ? "; make it, for the web server's user, or set `state`" : "");
        return -1;
    }
    if (is_acceptable(fd, directory, why))
        return fd;
    close(fd);
    return -1;
}
