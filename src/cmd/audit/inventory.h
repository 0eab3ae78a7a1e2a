/* SPDX-License-Identifier: Apache-2.0 */
/* What one registry holds of a repository: its images, and what belongs to them. */
#ifndef CMD_AUDIT_INVENTORY_H
#define CMD_AUDIT_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"
#include "core/why.h"
#include "parse/oci.h"
#include "registry/client.h"
#include "registry/digest.h"

enum {
    INVENTORY_DEPTH_MAX = 3,              /* referrers of referrers of referrers */
    INVENTORY_NESTING_MAX = 4,            /* indexes in indexes */
    INVENTORY_MANIFESTS_MAX = 1000 * 1000 /* read for one repository */
};

enum thing_kind {
    THING_IMAGE,
    THING_SIGNATURE,
    THING_ATTESTATION,
    THING_SBOM,
    THING_REFERRER,
    THING_KINDS
};

/* A manifest under a tag, or one that refers to another. */
struct thing {
    enum thing_kind kind;
    bool signs;               /* it is a signature, also among the referrers */
    char *tag;                /* NULL: it is found by what it refers to */
    char *digest;             /* its own */
    char *subject;            /* the digest that it belongs to; NULL for an image */
    struct digest_set layers; /* of what is under cosign's tags: see manifest.h */
};

struct inventory {
    struct thing *list;
    size_t count, room;
    bool failed; /* not all could be read: what is listed counts for nothing */
    struct why why;
    size_t requests; /* that reading it took */
    /* Where they are wanted: the digests of all that belongs to images, and of the images. */
    struct digest_set content, own;
};

struct inventory_reader {
    struct registry_client *client;
    const struct signature_tags *tags;
    bool contents; /* content and own are wanted, which takes a request more for each platform */
};

/*
 * Reads what the registry has of a repository, starting from its list of tags: a
 * manifest for each tag, what refers to it and to its platforms' manifests by the
 * referrers API, or under the fallback tag. A repository that is not there is an
 * empty inventory. Ask inventory->failed. End with inventory_clear.
 */
void inventory_read(struct inventory *inventory, const struct inventory_reader *reader,
                    struct slice name);

void inventory_clear(struct inventory *inventory);

/* "image", "signature" …, as it stands in reports. */
const char *thing_kind_word(enum thing_kind kind);

#endif
