/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A published index as an OCI image layout (image-spec, "Image Layout"), for tools that push one
 * to a registry. Its one manifest, an artifact (see index_remote.h), has the list for its
 * configuration, and a layer for each file of the list.
 */
#ifndef CMD_INDEX_INDEX_LAYOUT_H
#define CMD_INDEX_INDEX_LAYOUT_H

#include "state/index_list.h"

#define INDEX_LAYOUT_FILE  "oci-layout"
#define INDEX_LAYOUT_BLOBS "blobs/sha256"
#define INDEX_LAYOUT_TAG   "index" /* by which tools find the manifest */

/* The blobs of it that are no files of the list: 64 hexadecimal digits each. */
struct index_layout {
    char list[64 + 1], manifest[64 + 1];
};

/* Makes an image layout, or opens it. The folder of its blobs; -1 with errno. */
int index_layout_begin(int folder);

/*
 * Reads the list of the one index that a layout has, as tools that copy one from a registry
 * leave it, into a buffer of INDEX_LIST_MAX bytes. False with the reason, and errno; ENOENT: it
 * is no layout.
 */
bool index_layout_read(struct index_list *list, int folder, char *buffer, struct why *why);

/*
 * Writes what refers to a list, whose files are there: its text as a blob, the manifest, and
 * index.json, which is replaced last. What is there already is not written. False with the reason.
 */
bool index_layout_write(struct index_layout *layout, int folder, int blobs,
                        const struct index_list *list, struct slice text, struct why *why);

/* Whether a blob is one of those. */
bool index_layout_has(const struct index_layout *layout, const char *name);

#endif
