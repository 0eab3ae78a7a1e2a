/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signpost index publish: writes and renews an index's source in a folder: the list INDEX_LIST_NAME
 * and the files that it names, for a web server or an object store. A folder that was begun with
 * is_artifact is an OCI image layout as well (see index_layout.h), with the files among its blobs.
 */
#ifndef CMD_INDEX_INDEX_PUBLISH_H
#define CMD_INDEX_INDEX_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"
#include "core/why.h"

struct index_publish {
    const char *folder;
    char *const *files; /* index files: together, all that the source is to list */
    bool adds;          /* besides what it lists already */
    size_t file_count;
    struct slice registry;
    const char *key; /* a file, to sign with; NULL: none */
    const char
        *signature;     /* a file ("-": standard input) with one for the list that waits for it */
    bool is_artifact;   /* begin it as an OCI image layout */
    bool unsigned_list; /* let the list wait for a signature, and print it */
    bool shrinks;       /* many lines fewer are meant */
};

/* Prints what came of it. False with the reason: then the list is as it was. */
bool index_publish(const struct index_publish *call, struct why *why);

#endif
