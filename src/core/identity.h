/* SPDX-License-Identifier: Apache-2.0 */
/* What tells a file from its replacement. */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

/* All zero: there is no file. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

static inline struct identity identity_of(const struct stat *status)
{
    return (struct identity){.device = status->st_dev,
                             .inode = status->st_ino,
                             .size = status->st_size,
                             .changed = status->st_mtim};
}

/* Of the file under a name. */
static inline struct identity identity_under(const char *name)
{
    struct stat status;
    return stat(name, &status) == 0 ? identity_of(&status) : (struct identity){0};
}

/* Of the file under a name in an open directory, itself if it is a symbolic link. */
static inline struct identity identity_in(int directory, const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? identity_of(&status)
                                                                       : (struct identity){0};
}

/* The same file, perhaps with other contents. */
static inline bool identity_same_file(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* The same file, unchanged. */
static inline bool identity_same(const struct identity *a, const struct identity *b)
{
    return identity_same_file(a, b) && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

#endif
