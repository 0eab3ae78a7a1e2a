/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for what a fuzz target reads as files; it is removed when the program ends. */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include "input.h"

struct folder {
    char name[40];
    int fd;
    int file; /* the one that was put there last; -1: none */
};

static char folder_to_remove[40];

static inline int folder_remove_one(const char *path, const struct stat *status, int type,
                                    struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

static inline void folder_remove(void)
{
    nftw(folder_to_remove, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void folder_make(struct folder *folder)
{
    /* In memory, if that can be, since there is a file for each input. */
    snprintf(folder->name, sizeof folder->name, "%s/signpost-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(folder->name), "a folder can be made");
    memcpy(folder_to_remove, folder->name, sizeof folder_to_remove);
    atexit(folder_remove);
    folder->fd = open(folder->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder->file = -1;
    must(folder->fd >= 0, "it can be opened");
}

/* Makes a file, which stays open until folder_clear. */
static inline int folder_put(struct folder *folder, const char *name, struct slice bytes)
{
    folder->file = openat(folder->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(folder->file >= 0 && write(folder->file, bytes.at, bytes.len) == (ssize_t)bytes.len,
         "a file can be written");
    return folder->file;
}

static inline void folder_clear(struct folder *folder)
{
    if (folder->file >= 0)
        close(folder->file);
    folder->file = -1;
}

#endif
