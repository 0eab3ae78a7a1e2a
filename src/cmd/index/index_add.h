/* SPDX-License-Identifier: Apache-2.0 */
/* signpost index add: what belongs to images, read at the canonical registry. */
#ifndef CMD_INDEX_INDEX_ADD_H
#define CMD_INDEX_INDEX_ADD_H

#include <stddef.h>

/* The words of the command line; NULL for what is not given. */
struct index_add {
    const char *config, *index, *registry, *repository, *name;
    char *const *images;
    size_t image_count;
};

/* Adds to the index what belongs to the images. Prints what came of it; an exit status. */
int index_add(const struct index_add *call);

#endif
