/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to an image without being part of it: signatures, attestations and
 * SBOMs under cosign's tags, and referrers by the API or under the fallback tag,
 * of the image and of each of its platforms' manifests, and of these themselves.
 */
#ifndef REGISTRY_SIGNATURES_H
#define REGISTRY_SIGNATURES_H

#include "core/slice.h"
#include "core/why.h"
#include "parse/oci.h"
#include "registry/client.h"
#include "registry/digest.h"

enum {
    SIGNATURES_DEPTH_MAX = 8,       /* signatures of signatures of signatures …; noted if more */
    SIGNATURES_NESTING_MAX = 4,     /* indexes in indexes */
    SIGNATURES_MANIFESTS_MAX = 5000 /* read for one image */
};

struct signatures_reader {
    struct registry_client *client;
    const struct signature_tags *tags;
    struct slice
        repository; /* where they are, if not with the image (COSIGN_REPOSITORY), or empty */
    /* Told now and then that it goes on; may be NULL. */
    void (*progress)(void *context, size_t found);
    /* Told, in a sentence, of what may be missing from the result; may be NULL. */
    void (*note)(void *context, const char *sentence);
    void *context;
};

/*
 * Reads what belongs to an image, and adds the digests of all its manifests,
 * configurations and layers to found; those of the image itself are added to own
 * (found may hold some of them, too). False, with the reason, if not all of it
 * could be read: found is then of no use.
 */
bool signatures_read(const struct signatures_reader *reader, struct slice name,
                     struct slice reference, struct digest_set *found, struct digest_set *own,
                     struct why *why);

#endif
