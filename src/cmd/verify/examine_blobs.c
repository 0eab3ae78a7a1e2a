/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations and layers: whole, by HEAD, and in parts. */
#include "config.h"
#include <stdlib.h>
#include "cmd/progress.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"

/* Those that are fetched; borrowed from the manifests. */
struct chosen {
    const struct descriptor **list;
    size_t count;
};

static void choose(struct chosen *chosen, const struct descriptor *blob)
{
    if (blob)
        chosen->list[chosen->count++] = blob;
}

/* The first, which is the configuration, and the smallest of the layers. */
static void choose_two(struct chosen *chosen, const struct manifest *manifest)
{
    const struct descriptor *smallest = NULL;

    for (size_t i = 1; i < manifest->count; i++)
        if (!smallest || manifest->list[i].size < smallest->size)
            smallest = &manifest->list[i];
    choose(chosen, manifest->count ? &manifest->list[0] : NULL);
    choose(chosen, smallest);
}

static struct chosen choose_all(const struct image *image, bool whole)
{
    struct chosen chosen = {0};
    size_t room = 0;

    for (size_t i = 0; i < image->count; i++)
        room += image->manifests[i].count;
    chosen.list = calloc(room + 1, sizeof *chosen.list);
    for (size_t i = 0; chosen.list && i < image->count; i++) {
        const struct manifest *manifest = &image->manifests[i];
        for (size_t j = 0; whole && j < manifest->count; j++)
            choose(&chosen, &manifest->list[j]);
        if (!whole)
            choose_two(&chosen, manifest);
    }
    return chosen;
}

/* Those that arrive stay chosen: what does not is found once. */
static void examine_arrival(struct inspection *inspection, struct chosen *chosen)
{
    struct trial trial = trial_begin(inspection, CHECK_BLOBS);
    size_t arrived = 0;

    for (size_t i = 0; i < chosen->count && !interrupt_came(); i++)
        if (fetch_blob(&trial, chosen->list[i]))
            chosen->list[arrived++] = chosen->list[i];
    chosen->count = arrived;
    trial_end(&trial, "none of its manifests arrived");
}

static void head_blob(struct trial *trial, const struct descriptor *blob)
{
    struct slice digest = slice_of(blob->digest);

    fetch_head(trial, "blobs", digest, digest, blob->size);
}

static void examine_each(struct inspection *inspection, const struct chosen *chosen,
                         enum check check, void (*look)(struct trial *, const struct descriptor *))
{
    struct trial trial = trial_begin(inspection, check);

    for (size_t i = 0; i < chosen->count && !interrupt_came(); i++)
        look(&trial, chosen->list[i]);
    trial_end(&trial, "none of them arrived");
}

void examine_blobs(struct inspection *inspection, const struct image *image)
{
    struct chosen chosen = choose_all(image, inspection->traveller.door->whole);

    examine_arrival(inspection, &chosen);
    examine_each(inspection, &chosen, CHECK_BLOBS_HEAD, head_blob);
    examine_each(inspection, &chosen, CHECK_RANGE, fetch_parts);
    free(chosen.list);
}
