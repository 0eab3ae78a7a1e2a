/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "core/plain_file.h"

enum { STEP_MS = 10 };

/* Whether a line of /proc/locks (proc(5)) is of a lock on this file; then by which process. */
static bool is_lock_on(const char *line, const struct stat *file, long *pid)
{
    unsigned major_number, minor_number;
    uint64_t inode;

    return sscanf(line, "%*u: FLOCK %*s WRITE %ld %x:%x:%" SCNu64, pid, &major_number,
                  &minor_number, &inode) == 4 &&
           inode == file->st_ino && major_number == major(file->st_dev) &&
           minor_number == minor(file->st_dev);
}

static long holder_of(const struct stat *file)
{
    char line[256];
    long holder = 0, pid;
    FILE *locks = fopen("/proc/locks", "re");

    if (!locks)
        return 0;
    while (fgets(line, sizeof line, locks))
        if (is_lock_on(line, file, &pid))
            holder = pid;
    fclose(locks);
    return holder;
}

long lock_holder(int directory, const char *name)
{
    struct stat status;

    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? holder_of(&status) : 0;
}

static bool say_who(int fd, const char *name, struct why *why)
{
    struct stat status;
    long holder = fstat(fd, &status) == 0 ? holder_of(&status) : 0;

    if (holder > 0)
        why_not(why, "%s is in use by process %ld: wait until that has ended, or end it.", name,
                holder);
    else
        why_not(why, "%s is in use by another process: `lslocks` shows which.", name);
    return false;
}

bool lock_file(int fd, const char *name, struct why *why)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return errno == EWOULDBLOCK ? say_who(fd, name, why)
                                : why_not(why, "%s cannot be locked: %s.", name, strerror(errno));
}

void lock_release(int directory, const char *name, int fd)
{
    unlinkat(directory, name, 0);
    close(fd);
}

int lock_own_file(const char *name, struct why *why)
{
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = open(name, flags, 0600);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        why_not(why, "%s cannot be opened: %s.", name, plain_file_error(errno));
    else if (!S_ISREG(status.st_mode))
        why_not(why, "%s is not a plain file.", name);
    else if (lock_file(fd, name, why)) {
        if (status.st_mode & 0077) /* those of former versions were for all to read, and to lock */
            (void)!fchmod(fd, 0600);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Those who may write to a directory may lock what is in it. */
static mode_t mode_for(int directory)
{
    struct stat status;

    return fstat(directory, &status) == 0 && status.st_mode & S_IWGRP ? 0660 : 0600;
}

/* Opens the file, and sees to it that nobody else can open it from now on. */
static int open_lock(int directory, const char *name)
{
    mode_t mode = mode_for(directory);
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(directory, name, flags, mode);
    struct stat status;

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    if ((status.st_mode & 0777) != mode)
        (void)!fchmod(fd, mode);
    plain_file_give(directory, fd);
    return fd;
}

static bool has_name(int fd, int directory, const char *name)
{
    struct stat open_file, named;

    return fstat(fd, &open_file) == 0 &&
           fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

int lock_take(int directory, const char *folder, const char *name, int patience_ms, struct why *why)
{
    char path[256];

    snprintf(path, sizeof path, "%.160s/%s", folder, name);
    for (int waited = 0;; waited += STEP_MS) {
        int fd = open_lock(directory, name);
        if (fd < 0) {
            why_not(why, "The lock %s cannot be opened: %s.", path,
                    errno == EINVAL ? "it is not a plain file" : strerror(errno));
            return -1;
        }
        bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (locked && has_name(fd, directory, name))
            return fd;
        if (waited >= patience_ms)
            lock_file(fd, path, why); /* for the reason */
        close(fd);
        if (waited >= patience_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000}, NULL);
    }
    errno = EWOULDBLOCK;
    return -1;
}
