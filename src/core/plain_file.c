/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int check(const struct stat *status, off_t most)
{
    if (!S_ISREG(status->st_mode))
        return EINVAL;
    return status->st_size > most ? EFBIG : 0;
}

int plain_file_open(int directory, const char *name, int flags, off_t most, struct stat *status)
{
    int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
    struct stat found;

    if (fd < 0)
        return -1;
    int error = fstat(fd, &found) < 0 ? errno : check(&found, most);
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    if (status)
        *status = found;
    return fd;
}

void plain_file_give(int directory, int fd)
{
    struct stat status;

    if (geteuid() == 0 && fstat(directory, &status) == 0)
        (void)!fchown(fd, status.st_uid, status.st_gid);
}

FILE *plain_file_stream(const char *name)
{
    int fd = plain_file_open(AT_FDCWD, name, 0, INT64_MAX, NULL);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");

    if (!stream && fd >= 0)
        close(fd);
    return stream;
}

ssize_t plain_file_read(int fd, char *to, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, to + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

const char *plain_file_name(int fd, char buffer[PLAIN_FILE_NAME_SIZE], const char *given)
{
    snprintf(buffer, PLAIN_FILE_NAME_SIZE, "/proc/self/fd/%d", fd);
    return access(buffer, F_OK) == 0 ? buffer : given;
}

bool plain_file_may_open_later(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE || error == EINTR ||
           error == EWOULDBLOCK;
}

const char *plain_file_error(int error)
{
    switch (error) {
    case EINVAL:
    case ENXIO:  /* a socket */
    case ENODEV: /* a device without a driver */
        return "it is not a plain file";
    case EFBIG:
        return "it is too large";
    case ELOOP:
        return "it is a symbolic link";
    case EWOULDBLOCK:
        return "another process has a lease on it";
    default:
        return strerror(error);
    }
}
