/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of names, tags and digests, and the tags that signatures live under. */
#ifndef PARSE_OCI_H
#define PARSE_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"

enum {
    OCI_NAME_MAX = 255,  /* distribution-spec, "Pulling manifests": the limit many clients keep */
    OCI_TAG_MAX = 128,   /* distribution-spec, "Pulling manifests" */
    OCI_DIGEST_MAX = 256 /* ours: image-spec sets none; sha512 takes 135 */
};

/* Whether s is a repository name (distribution-spec, "Pulling manifests", <name>). */
bool oci_is_name(struct slice s);

/* Whether s is a tag (distribution-spec, "Pulling manifests", <reference> as a tag). */
bool oci_is_tag(struct slice s);

/*
 * Whether s is a digest (image-spec, descriptor.md, "Digests"). The registered
 * algorithms must have their exact length in lowercase hex; others pass.
 */
bool oci_is_digest(struct slice s);

/*
 * Whether registries know the digest's algorithm: sha256 or sha512 (image-spec, descriptor.md,
 * "Registered algorithms"; distribution answers 500 to others).
 */
bool oci_is_probeable(struct slice digest);

/* The two parts of a digest around its colon. */
struct slice oci_digest_algorithm(struct slice digest);
struct slice oci_digest_encoded(struct slice digest);

/* Which tags hold signatures: [prefix]sha256-<64 hex><suffix>. "*" allows any prefix. */
struct signature_tags {
    const struct slice *prefixes, *suffixes;
    size_t prefix_count, suffix_count;
};

/* Whether the tag is one under which cosign writes a signature, attestation or SBOM. */
bool oci_is_signature_tag(struct slice tag, const struct signature_tags *allowed);

/*
 * Whether the tag is the referrers fallback of a sha256 or sha512 digest
 * (distribution-spec 1.1, "Referrers Tag Schema": the encoded part is cut to 64).
 */
bool oci_is_fallback_tag(struct slice tag);

#endif
