/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked, in the order in which it is: the front door, then each image. */
#ifndef CMD_VERIFY_EXAMINE_H
#define CMD_VERIFY_EXAMINE_H

#include "cmd/verify/trial.h"
#include "core/slice.h"
#include "registry/digest.h"
#include "registry/manifest.h"

/* What is learned of an image from its manifests, for the checks that follow. */
struct image {
    struct slice reference;
    struct digest_set subjects; /* manifests that may be signed: its own, and its platforms' */
    struct manifest *manifests; /* those with a configuration and layers */
    size_t count;
};

/* ---- the front door itself; the inspection's repository need not be there ---- */

void examine_ping(struct inspection *inspection);
void examine_methods(struct inspection *inspection);
void examine_input(struct inspection *inspection);

/* ---- an image ---- */

/* Reads the manifests of an image, which has nothing but its reference yet. */
void examine_manifests(struct inspection *inspection, struct image *image);
void examine_blobs(struct inspection *inspection, const struct image *image);
void examine_tags(struct inspection *inspection, const struct image *image);
void examine_signatures(struct inspection *inspection, const struct image *image);
void examine_referrers(struct inspection *inspection, const struct image *image);

void image_clear(struct image *image);

#endif
