/* SPDX-License-Identifier: Apache-2.0 */
/* A file that takes the place of another one in one step: whoever reads sees all of either. */
#ifndef REPLACEMENT_H
#define REPLACEMENT_H

#include <stdbool.h>
#include <stdio.h>

struct replacement {
    int directory;
    const char *name;
    char new_name[64];
    FILE *file; /* to be written to */
};

/*
 * Begins a new file of this name (borrowed, at most 50 bytes) in an open directory; for_all:
 * everybody may read it, whatever the umask says. False with errno.
 */
bool replacement_begin(struct replacement *replacement, int directory, const char *name,
                       bool for_all);

/*
 * Puts what was written in its place; sync: once it is on the disk. False with errno: then the
 * old file is still there.
 */
bool replacement_end(struct replacement *replacement, bool sync);

#endif
