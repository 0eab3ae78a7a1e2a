/* SPDX-License-Identifier: Apache-2.0 */
/* An image's manifests, by tag and by digest. */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "cmd/progress.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"

enum { PLATFORMS_MAX = 500 };

/* A manifest that has come. */
struct come {
    char digest[DIGEST_SHA256_TEXT]; /* of its bytes */
    long long size;
    struct manifest manifest; /* to be cleared, unless it has not come */
};

/* Fetches a manifest and reads it; false, with nothing come, if it is not as it should be. */
static bool fetch(struct trial *trial, struct slice reference, struct come *come)
{
    struct journey journey;
    bool good = fetch_manifest(trial, reference, &journey);

    *come = (struct come){.size = -1};
    if (good && manifest_parse(&come->manifest, journey.answer.body) &&
        (come->manifest.count || come->manifest.is_index)) {
        digest_of(journey.answer.body, come->digest);
        come->size = (long long)journey.answer.body.len;
    } else if (good) {
        good = false;
        manifest_clear(&come->manifest);
        trial_fault(trial, &journey, "what came, of type %s, is no manifest",
                    journey.answer.type[0] ? journey.answer.type : "unknown");
    }
    journey_end(&journey);
    return good;
}

/* A check that a manifest comes, and another that HEAD tells the same. */
static bool fetch_both(struct inspection *inspection, enum check get, enum check head,
                       struct slice reference, struct come *come)
{
    struct trial trial = trial_begin(inspection, get);
    bool good = fetch(&trial, reference, come);

    trial_end(&trial, NULL);
    trial = trial_begin(inspection, head);
    if (good)
        fetch_head(&trial, "manifests", reference,
                   memchr(reference.at, ':', reference.len) ? reference : slice_of(come->digest),
                   come->size);
    trial_end(&trial, "GET did not bring it");
    return good;
}

static void keep(struct image *image, const struct manifest *manifest)
{
    struct manifest *more = realloc(image->manifests, (image->count + 1) * sizeof *more);

    if (!more)
        return;
    image->manifests = more;
    more[image->count++] = *manifest;
}

/* The manifests in an index: the first of them, or all. */
static void examine_platforms(struct inspection *inspection, struct image *image,
                              const struct manifest *index)
{
    struct trial trial = trial_begin(inspection, CHECK_PLATFORMS);
    size_t most = inspection->traveller.door->whole ? PLATFORMS_MAX : 1;

    for (size_t i = 0; index && i < index->count && i < most && !interrupt_came(); i++) {
        struct slice digest = slice_of(index->list[i].digest);
        struct come come;
        digest_set_add(&image->subjects, digest);
        if (fetch(&trial, digest, &come))
            keep(image, &come.manifest);
    }
    trial_end(&trial, "it is for one platform");
}

static void skip(struct inspection *inspection, enum check check, const char *reason)
{
    struct trial trial = trial_begin(inspection, check);

    trial_end(&trial, reason);
}

/* What a tag leads to: its digest, empty if nothing comes. */
static void examine_tag(struct inspection *inspection, struct slice tag, char *digest)
{
    struct come come;

    fetch_both(inspection, CHECK_TAG, CHECK_TAG_HEAD, tag, &come);
    snprintf(digest, DIGEST_SHA256_TEXT, "%s", come.digest);
    manifest_clear(&come.manifest);
}

void examine_manifests(struct inspection *inspection, struct image *image)
{
    struct slice digest = image->reference;
    char told[DIGEST_SHA256_TEXT] = "";
    struct come come;

    if (!memchr(digest.at, ':', digest.len)) {
        examine_tag(inspection, image->reference, told);
        digest = slice_of(told);
    }
    if (!digest.len) {
        skip(inspection, CHECK_DIGEST, "its tag leads to nothing");
        return;
    }
    digest_set_add(&image->subjects, digest);
    bool good = fetch_both(inspection, CHECK_DIGEST, CHECK_DIGEST_HEAD, digest, &come);
    bool index = good && come.manifest.is_index;
    examine_platforms(inspection, image, index ? &come.manifest : NULL);
    if (good && !index)
        keep(image, &come.manifest);
    else
        manifest_clear(&come.manifest);
}

void image_clear(struct image *image)
{
    digest_set_clear(&image->subjects);
    for (size_t i = 0; i < image->count; i++)
        manifest_clear(&image->manifests[i]);
    free(image->manifests);
    *image = (struct image){0};
}
