/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/classify.h"

#include <stdint.h>

/* Cuts the part behind the last slash off the path; false if there is no slash. */
static bool cut_last(struct slice *path, struct slice *last)
{
    const char *slash = path->len ? memrchr(path->at, '/', path->len) : NULL;

    if (!slash)
        return false;
    size_t n = (size_t)(slash - path->at);
    *last = slice_from(*path, n + 1);
    *path = slice_to(*path, n);
    return true;
}

static enum endpoint endpoint_of(struct slice word)
{
    if (slice_equal(word, SLICE("manifests")))
        return ENDPOINT_MANIFESTS;
    if (slice_equal(word, SLICE("blobs")))
        return ENDPOINT_BLOBS;
    if (slice_equal(word, SLICE("referrers")))
        return ENDPOINT_REFERRERS;
    return slice_equal(word, SLICE("tags")) ? ENDPOINT_TAGS : ENDPOINT_NONE;
}

static bool is_upload(struct slice above)
{
    struct slice word;
    struct slice rest = above;

    return slice_ends(above, SLICE("/blobs/uploads")) && cut_last(&rest, &word) &&
           cut_last(&rest, &word) && oci_is_name(rest);
}

static enum request_class manifest_class(const struct classified *c,
                                         const struct signature_tags *signatures)
{
    if (c->is_digest)
        return CLASS_MANIFEST_DIGEST;
    if (!oci_is_tag(c->reference))
        return CLASS_OTHER;
    return oci_is_signature_tag(c->reference, signatures) || oci_is_fallback_tag(c->reference)
               ? CLASS_SIGNATURE
               : CLASS_MANIFEST_TAG;
}

static enum request_class class_of(const struct classified *c,
                                   const struct signature_tags *signatures)
{
    switch (c->endpoint) {
    case ENDPOINT_MANIFESTS:
        return manifest_class(c, signatures);
    case ENDPOINT_BLOBS:
        return c->is_digest ? CLASS_BLOB : CLASS_OTHER;
    case ENDPOINT_REFERRERS:
        return c->is_digest ? CLASS_SIGNATURE : CLASS_OTHER;
    case ENDPOINT_TAGS:
        return slice_equal(c->reference, SLICE("list")) ? CLASS_TAGS_LIST : CLASS_OTHER;
    case ENDPOINT_NONE:
        break;
    }
    return CLASS_OTHER;
}

struct classified classify(struct slice path, const struct signature_tags *signatures)
{
    struct classified c = {.class = CLASS_OTHER};
    struct slice v2 = SLICE("/v2/"), word;

    if (slice_equal(path, SLICE("/v2")) || slice_equal(path, v2)) {
        c.class = CLASS_PING;
        return c;
    }
    if (!slice_starts(path, v2))
        return c;
    if (slice_equal(path, SLICE("/v2/_catalog"))) {
        c.class = CLASS_CATALOG;
        return c;
    }

    struct slice rest = slice_from(path, v2.len);
    if (!cut_last(&rest, &c.reference))
        return c;
    if (is_upload(rest)) {
        c.class = CLASS_UPLOAD;
        c.endpoint = ENDPOINT_BLOBS;
        return c;
    }
    if (!cut_last(&rest, &word))
        return c;
    c.endpoint = endpoint_of(word);
    if (c.endpoint == ENDPOINT_NONE || !oci_is_name(rest))
        return c;
    c.name = rest;
    c.is_digest = oci_is_digest(c.reference);
    c.malformed_digest = c.endpoint == ENDPOINT_REFERRERS && !c.is_digest;
    c.class = class_of(&c, signatures);
    return c;
}

const char *class_name(enum request_class class)
{
    static const char *const names[] = {
        [CLASS_SIGNATURE] = "signature",
        [CLASS_SIGNATURE_DIGEST] = "signature-digest",
        [CLASS_MANIFEST_TAG] = "manifest-tag",
        [CLASS_MANIFEST_DIGEST] = "manifest-digest",
        [CLASS_BLOB] = "blob",
        [CLASS_TAGS_LIST] = "tags-list",
        [CLASS_PING] = "ping",
        [CLASS_PAGE] = "page",
        [CLASS_CATALOG] = "catalog",
        [CLASS_UPLOAD] = "upload",
        [CLASS_OTHER] = "other",
    };
    return names[class];
}
