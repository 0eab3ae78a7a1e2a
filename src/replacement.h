/* SPDX-License-Identifier: Apache-2.0 */
/* A file that takes the place of another one in one step: whoever reads sees all of either. */
#ifndef REPLACEMENT_H
#define REPLACEMENT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct replacement {
    int directory;
    const char *name;
    char new_name[64];
    FILE *file; /* to be written to */
};

/*
 * Makes a new, empty file that is to have this name (borrowed, at most 50 bytes) in an open
 * directory, of this mode whatever the umask, for whom the directory belongs to. Whatever has
 * the name in the meantime is removed or passed by. Returns its descriptor, -1 with errno.
 */
int replacement_make(struct replacement *replacement, int directory, const char *name, mode_t mode);

/* Gives the new file its name. False with errno: then the old one is still there, and the new
 * one is not. */
bool replacement_put(const struct replacement *replacement);

/* Removes the new file; errno stays. */
void replacement_drop(const struct replacement *replacement);

/* The same as a stream, for a file that everybody may read who may enter the directory. */
bool replacement_begin(struct replacement *replacement, int directory, const char *name);

/* Puts what was written in its place; sync: once it is on the disk. False as above. */
bool replacement_end(struct replacement *replacement, bool sync);

#endif
