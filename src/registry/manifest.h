/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest, or an index of manifests, refers to (image-spec 1.1). */
#ifndef REGISTRY_MANIFEST_H
#define REGISTRY_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"
#include "registry/client.h"
#include "registry/digest.h"

enum { MANIFEST_PARTS_MAX = 10000 /* manifests, or layers, that one may list */ };

/* Something that is referred to. */
struct descriptor {
    char *digest;
    long long size; /* bytes, as told; -1: not told */
    bool is_manifest;
};

struct manifest {
    char *subject;             /* its digest; NULL: none */
    char *type;                /* of an artifact, or else of its configuration; NULL: none */
    bool is_index;             /* it lists manifests */
    struct digest_set content; /* its configuration, and its layers or blobs */
    struct digest_set parts;   /* the manifests that an index lists */
    struct digest_set indexes; /* those of them that are indexes */
    /* Its layers with all that is said of them (cosign keeps signatures in their
     * annotations), each as the sha256 digest of its descriptor in one spelling. */
    struct digest_set layers;
    struct descriptor *list; /* all of these, in the order in which they are told */
    size_t count, room;
};

/*
 * Reads a manifest or an index: OCI's, Docker's of schema 2, the artifact manifest
 * that OCI withdrew, or the list of referrers; any other JSON object refers to
 * nothing. What is named by something that is no digest is passed over. False if
 * it is no such thing, or too large. End with manifest_clear.
 */
bool manifest_parse(struct manifest *manifest, struct slice json);

void manifest_clear(struct manifest *manifest);

/*
 * Reads a manifest by tag or digest from a registry. With REGISTRY_FOUND, manifest must be
 * cleared, and response is borrowed from the client until its next call.
 */
enum registry_outcome manifest_get(struct registry_client *client, struct slice name,
                                   struct slice reference, struct manifest *manifest,
                                   const struct http_response **response, struct why *why);

#endif
