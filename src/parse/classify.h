/* SPDX-License-Identifier: Apache-2.0 */
/* What a path asks for, by the OCI distribution grammar. */
#ifndef PARSE_CLASSIFY_H
#define PARSE_CLASSIFY_H

#include <stdbool.h>
#include "core/slice.h"
#include "parse/oci.h"

/* The words of a rule's `match`, and the classes that are answered here. */
enum request_class {
    CLASS_SIGNATURE,        /* a cosign tag, the referrers API or its fallback tag */
    CLASS_SIGNATURE_DIGEST, /* a digest that the index lists */
    CLASS_MANIFEST_TAG,
    CLASS_MANIFEST_DIGEST,
    CLASS_BLOB,
    CLASS_TAGS_LIST,
    CLASS_ROUTED, /* how many classes rules can match; those below are answered here */
    CLASS_PING = CLASS_ROUTED,
    CLASS_PAGE,
    CLASS_CATALOG,
    CLASS_UPLOAD,
    CLASS_OTHER
};

enum endpoint {
    ENDPOINT_NONE,
    ENDPOINT_MANIFESTS,
    ENDPOINT_BLOBS,
    ENDPOINT_REFERRERS,
    ENDPOINT_TAGS
};

struct classified {
    enum request_class class;
    enum endpoint endpoint; /* also of a path that the grammar refuses, to choose an error */
    struct slice name;
    struct slice reference; /* a tag or a digest; "list" for tags/list */
    bool is_digest;         /* the reference is a well-formed digest */
    bool malformed_digest;  /* a referrers request for something that is no digest */
};

/*
 * Classifies a decoded path. Parsed from the right, since every word of the
 * grammar ("blobs", "manifests" …) may also be part of a name. A path outside
 * the grammar is CLASS_OTHER. The result borrows from the path.
 */
struct classified classify(struct slice path, const struct signature_tags *signatures);

/* The word for a class: "signature", "manifest-tag" … */
const char *class_name(enum request_class class);

#endif
