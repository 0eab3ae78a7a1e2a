/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations and layers: whole, by HEAD, and in parts. */
#include "config.h"
#include <stdio.h>
#include "progress.h"
#include "registry/headers.h"
#include "verify/examine.h"
#include "verify/fetch.h"

/* Calls a function for the blobs of a manifest that are looked at: all, or these two. */
static void each_blob(struct trial *trial, const struct manifest *manifest,
                      void (*look)(struct trial *, const struct descriptor *))
{
    const struct descriptor *smallest = NULL;

    if (trial->inspection->traveller.door->whole) {
        for (size_t i = 0; i < manifest->count && !interrupt_came(); i++)
            look(trial, &manifest->list[i]);
        return;
    }
    for (size_t i = 1; i < manifest->count; i++)
        if (!smallest || manifest->list[i].size < smallest->size)
            smallest = &manifest->list[i];
    if (manifest->count)
        look(trial, &manifest->list[0]);
    if (smallest)
        look(trial, smallest);
}

static void head_blob(struct trial *trial, const struct descriptor *blob)
{
    struct slice digest = slice_of(blob->digest);

    fetch_head(trial, "blobs", digest, digest, blob->size);
}

static void examine_all(struct inspection *inspection, const struct image *image, enum check check,
                        void (*look)(struct trial *, const struct descriptor *))
{
    struct trial trial = trial_begin(inspection, check);

    for (size_t i = 0; i < image->count && !interrupt_came(); i++)
        each_blob(&trial, &image->manifests[i], look);
    trial_end(&trial, "none of its manifests arrived");
}

void examine_blobs(struct inspection *inspection, const struct image *image)
{
    examine_all(inspection, image, CHECK_BLOBS, fetch_blob);
    examine_all(inspection, image, CHECK_BLOBS_HEAD, head_blob);
    examine_all(inspection, image, CHECK_RANGE, fetch_parts);
}
