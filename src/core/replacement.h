/* SPDX-License-Identifier: Apache-2.0 */
/* A file that takes the place of another one in one step: whoever reads sees all of either. */
#ifndef CORE_REPLACEMENT_H
#define CORE_REPLACEMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct replacement {
    int directory;
    const char *name;
    char new_name[NAME_MAX + 1];
    int fd;
    FILE *file; /* to be written to */
    int error;  /* of the first write that failed */
};

/*
 * Makes a new, empty file that is to have this name (borrowed) in an open directory, of this
 * mode whatever the umask, for whom the directory belongs to. Whatever has the name of the new
 * file in the meantime is removed or passed by: of several processes only one may replace a
 * file at a time. Returns its descriptor, -1 with errno.
 */
int replacement_make(struct replacement *replacement, int directory, const char *name, mode_t mode);

/* Gives the new file its name. False with errno: then the old one is still there, and the new
 * one is not. */
bool replacement_put(const struct replacement *replacement);

/* Removes the new file; errno stays. */
void replacement_drop(const struct replacement *replacement);

/* The same as a stream, `file`; the struct must stay where it is. */
bool replacement_begin(struct replacement *replacement, int directory, const char *name,
                       mode_t mode);

/*
 * Puts what was written in its place; sync: so that all of it is still there after a power
 * loss. False with errno as above, or with sync if the new file is in its place but its name
 * is perhaps not yet on the disk.
 */
bool replacement_end(struct replacement *replacement, bool sync);

/* Closes and removes the new file; errno stays. */
void replacement_abandon(struct replacement *replacement);

/* Has the names in an open directory written to the disk. False with errno. */
bool replacement_sync_names(int directory);

#endif
