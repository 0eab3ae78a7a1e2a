/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include "registry/headers.h"
#include "registry/manifest.h"
#include "registry/referrers.h"
#include "registry/tags.h"

/* Something that may be referred to. */
struct subject {
    char digest[OCI_DIGEST_MAX + 1];
    unsigned depth; /* 0: an image, or a part of one */
};

struct walk {
    struct inventory *inventory;
    const struct inventory_reader *reader;
    struct slice name;
    struct subject *queue;
    size_t queued, room, next;
    struct digest_set asked;     /* all that is or was in the queue */
    struct digest_set referrers; /* that are listed */
    bool no_api;                 /* the registry knows no referrers */
    size_t manifests;
    struct why *why;
};

/* A manifest as it was read; its digest is never longer than this. */
struct read {
    struct manifest manifest;
    char digest[OCI_DIGEST_MAX + 1];
};

static bool no_memory(struct walk *walk)
{
    return why_not(walk->why, "there is not enough memory");
}

/*
 * Writes the digest of a manifest. Those of Docker's schema 1 are signed anew for each
 * answer, so that only the registry can tell the digest of the rest.
 */
static bool name_it(const struct http_response *response, struct slice reference, char *digest)
{
    struct slice head = response->head, told;

    if (memchr(reference.at, ':', reference.len))
        snprintf(digest, OCI_DIGEST_MAX + 1, "%.*s", (int)reference.len, reference.at);
    else if (strcmp(response->type, "application/vnd.docker.distribution.manifest.v1+prettyjws") ==
                 0 &&
             header_find(&head, SLICE("Docker-Content-Digest"), &told) && oci_is_digest(told))
        snprintf(digest, OCI_DIGEST_MAX + 1, "%.*s", (int)told.len, told.at);
    else
        return digest_of(response->body, digest);
    return true;
}

/* With REGISTRY_FOUND, read->manifest must be cleared. */
static enum registry_outcome read_manifest(struct walk *walk, struct slice reference,
                                           struct read *read)
{
    const struct http_response *response;

    if (++walk->manifests > INVENTORY_MANIFESTS_MAX) {
        why_not(walk->why, "it has more than %d manifests", INVENTORY_MANIFESTS_MAX);
        return REGISTRY_FAILED;
    }
    enum registry_outcome outcome = manifest_get(walk->reader->client, walk->name, reference,
                                                 &read->manifest, &response, walk->why);
    if (outcome != REGISTRY_FOUND || name_it(response, reference, read->digest))
        return outcome;
    manifest_clear(&read->manifest);
    no_memory(walk);
    return REGISTRY_FAILED;
}

/* ---- what is found ---- */

static struct thing *add_thing(struct walk *walk, enum thing_kind kind, struct slice tag,
                               const char *digest, struct slice subject)
{
    struct inventory *inventory = walk->inventory;

    if (inventory->count == inventory->room) {
        size_t room = inventory->room ? 2 * inventory->room : 64;
        struct thing *list = realloc(inventory->list, room * sizeof *list);
        if (!list)
            return NULL;
        inventory->list = list;
        inventory->room = room;
    }
    struct thing *thing = &inventory->list[inventory->count];
    *thing = (struct thing){
        .kind = kind,
        .tag = tag.len ? strndup(tag.at, tag.len) : NULL,
        .digest = strdup(digest),
        .subject = subject.len ? strndup(subject.at, subject.len) : NULL,
    };
    inventory->count++; /* what is there of it is freed with the rest */
    bool whole = thing->digest && (thing->tag || !tag.len) && (thing->subject || !subject.len);
    return whole ? thing : NULL;
}

static bool add_subject(struct walk *walk, struct slice digest, unsigned depth)
{
    if (walk->no_api || depth > INVENTORY_DEPTH_MAX || digest_set_has(&walk->asked, digest))
        return true;
    if (walk->queued == walk->room) {
        size_t room = walk->room ? 2 * walk->room : 64;
        struct subject *queue = realloc(walk->queue, room * sizeof *queue);
        if (!queue)
            return no_memory(walk);
        walk->queue = queue;
        walk->room = room;
    }
    digest_set_add(&walk->asked, digest);
    struct subject *subject = &walk->queue[walk->queued++];
    subject->depth = depth;
    snprintf(subject->digest, sizeof subject->digest, "%.*s", (int)digest.len, digest.at);
    return true;
}

static bool hold_parts(struct walk *walk, const struct manifest *manifest, struct digest_set *set,
                       unsigned depth, unsigned nesting);

/* Notes what a manifest is made of, and that it may be referred to. */
static bool hold(struct walk *walk, const struct read *read, struct digest_set *set, unsigned depth,
                 unsigned nesting)
{
    if (walk->reader->contents) {
        digest_set_add(set, slice_of(read->digest));
        digest_set_merge(set, &read->manifest.content);
    }
    return add_subject(walk, slice_of(read->digest), depth) &&
           hold_parts(walk, &read->manifest, set, depth, nesting);
}

static bool hold_parts(struct walk *walk, const struct manifest *manifest, struct digest_set *set,
                       unsigned depth, unsigned nesting)
{
    for (size_t i = 0; i < manifest->parts.count; i++) {
        struct slice digest = slice_of(manifest->parts.list[i]);
        bool into = walk->reader->contents || digest_set_has(&manifest->indexes, digest);
        struct read part;
        if (walk->reader->contents && digest_set_has(set, digest))
            continue;
        if (!add_subject(walk, digest, depth))
            return false;
        if (!into || nesting == INVENTORY_NESTING_MAX)
            continue;
        enum registry_outcome outcome = read_manifest(walk, digest, &part);
        if (outcome == REGISTRY_ABSENT)
            continue; /* some registries keep a few platforms only */
        bool good = outcome == REGISTRY_FOUND && hold(walk, &part, set, depth, nesting + 1);
        if (outcome == REGISTRY_FOUND)
            manifest_clear(&part.manifest);
        if (!good)
            return false;
    }
    return true;
}

/* ---- referrers ---- */

/*
 * Whether a referrer is a signature: Notation's, cosign's of old, and sigstore's
 * bundle, of which nothing but its content tells whether it is an attestation.
 */
static bool is_signature_type(const char *type)
{
    struct slice kind = slice_of(type);

    return slice_equal(kind, SLICE("application/vnd.cncf.notary.signature")) ||
           slice_equal(kind, SLICE("application/vnd.dev.cosign.artifact.sig.v1+json")) ||
           slice_starts(kind, SLICE("application/vnd.dev.sigstore.bundle"));
}

/*
 * Takes a manifest if it says itself that it refers to the subject, whose digest may
 * be cut short; tells whether it does.
 */
static bool take_referrer(struct walk *walk, const char *subject, unsigned depth,
                          struct slice digest, bool *refers)
{
    struct read read;

    *refers = true;
    if (digest_set_has(&walk->referrers, digest))
        return true;
    enum registry_outcome outcome = read_manifest(walk, digest, &read);
    if (outcome != REGISTRY_FOUND)
        return outcome == REGISTRY_ABSENT;
    bool good = true;
    struct slice named = slice_of(read.manifest.subject);
    *refers = slice_starts(named, slice_of(subject));
    if (*refers) {
        digest_set_add(&walk->referrers, digest);
        struct thing *thing = add_thing(walk, THING_REFERRER, SLICE(""), read.digest, named);
        good = thing ? hold(walk, &read, &walk->inventory->content, depth + 1, 0) : no_memory(walk);
        if (thing)
            thing->signs = is_signature_type(read.manifest.type);
    }
    manifest_clear(&read.manifest);
    return good;
}

static bool read_referrers(struct walk *walk, const struct subject *subject)
{
    struct digest_set referrers = {0};
    enum registry_outcome outcome =
        walk->no_api ? REGISTRY_ABSENT
                     : referrers_list(walk->reader->client, walk->name, slice_of(subject->digest),
                                      &referrers, walk->why);
    bool good = outcome != REGISTRY_FAILED, refers;

    /* The repository is there, so a registry with the API would not say 404. */
    walk->no_api = outcome == REGISTRY_ABSENT;
    for (size_t i = 0; good && i < referrers.count; i++)
        good = take_referrer(walk, subject->digest, subject->depth, slice_of(referrers.list[i]),
                             &refers);
    digest_set_clear(&referrers);
    return good;
}

/* ---- tags ---- */

static bool take_image(struct walk *walk, struct slice tag, const struct read *read)
{
    if (!add_thing(walk, THING_IMAGE, tag, read->digest, SLICE("")))
        return no_memory(walk);
    return hold(walk, read, &walk->inventory->own, 0, 0);
}

static enum thing_kind kind_of(struct slice tag)
{
    if (slice_ends(tag, SLICE(".att")))
        return THING_ATTESTATION;
    return slice_ends(tag, SLICE(".sbom")) ? THING_SBOM : THING_SIGNATURE;
}

/* What stands under one of cosign's tags: [prefix]sha256-<64 hex>.<suffix>. */
static bool take_signature(struct walk *walk, struct slice tag, struct read *read)
{
    static const char start[] = "sha256-";
    const char *at = memmem(tag.at, tag.len, start, sizeof start - 1), *next = at;
    char subject[DIGEST_SHA256_TEXT];

    while (
        (next = memmem(next + 1, tag.len - (size_t)(next + 1 - tag.at), start, sizeof start - 1)))
        at = next; /* a prefix may be anything */
    snprintf(subject, sizeof subject, "sha256:%.64s", at + sizeof start - 1);
    struct thing *thing = add_thing(walk, kind_of(tag), tag, read->digest, slice_of(subject));
    if (!thing)
        return no_memory(walk);
    thing->signs = thing->kind == THING_SIGNATURE;
    thing->layers = read->manifest.layers;
    read->manifest.layers = (struct digest_set){0};
    return hold(walk, read, &walk->inventory->content, 1, 0);
}

/* The digest that a fallback tag is for, cut to what is in the tag. */
static void subject_of_fallback(struct slice tag, char digest[OCI_TAG_MAX + 1])
{
    snprintf(digest, OCI_TAG_MAX + 1, "%.*s", (int)tag.len, tag.at);
    digest[strcspn(digest, "-")] = ':';
}

/*
 * What stands under a fallback tag (distribution-spec 1.1, "Referrers Tag Schema"):
 * a list of referrers, as far as these say so themselves; or the image itself, where
 * `cosign copy` was at work, which nobody would miss; or whatever somebody named so.
 */
static bool take_fallback(struct walk *walk, struct slice tag, const struct read *read)
{
    char subject[OCI_TAG_MAX + 1];
    bool all = read->manifest.is_index && read->manifest.parts.count > 0, refers;

    subject_of_fallback(tag, subject);
    if (strcmp(subject, read->digest) == 0)
        return true;
    if (!read->manifest.is_index)
        return take_image(walk, tag, read);
    for (size_t i = 0; i < read->manifest.parts.count; i++) {
        if (!take_referrer(walk, subject, 0, slice_of(read->manifest.parts.list[i]), &refers))
            return false;
        all &= refers;
    }
    if (all && walk->reader->contents)
        digest_set_add(&walk->inventory->content, slice_of(read->digest));
    return true;
}

static bool take_tag(struct walk *walk, struct slice tag)
{
    struct read read;
    enum registry_outcome outcome = read_manifest(walk, tag, &read);
    bool good;

    if (outcome != REGISTRY_FOUND)
        return outcome == REGISTRY_ABSENT; /* deleted since it was listed */
    if (oci_is_signature_tag(tag, walk->reader->tags))
        good = take_signature(walk, tag, &read);
    else if (oci_is_fallback_tag(tag))
        good = take_fallback(walk, tag, &read);
    else
        good = take_image(walk, tag, &read);
    manifest_clear(&read.manifest);
    return good;
}

/* ---- all of it ---- */

static bool read_all(struct walk *walk)
{
    struct name_list tags = {0};
    bool good =
        tags_read(&tags, walk->reader->client, walk->name, NULL, walk->why) != REGISTRY_FAILED;

    for (size_t i = 0; good && i < tags.count; i++)
        good = take_tag(walk, slice_of(tags.list[i]));
    while (good && walk->next < walk->queued) {
        struct subject subject = walk->queue[walk->next++]; /* the queue may move */
        good = read_referrers(walk, &subject);
    }
    name_list_clear(&tags);
    return good;
}

static bool is_starved(struct walk *walk)
{
    const struct inventory *inventory = walk->inventory;

    return (walk->asked.starved || walk->referrers.starved || inventory->content.starved ||
            inventory->own.starved) &&
           !no_memory(walk);
}

void inventory_read(struct inventory *inventory, const struct inventory_reader *reader,
                    struct slice name)
{
    size_t before = registry_client_requests(reader->client);
    struct walk walk = {
        .inventory = inventory, .reader = reader, .name = name, .why = &inventory->why};

    *inventory = (struct inventory){0};
    inventory->failed = !read_all(&walk) || is_starved(&walk);
    inventory->requests = registry_client_requests(reader->client) - before;
    free(walk.queue);
    digest_set_clear(&walk.asked);
    digest_set_clear(&walk.referrers);
}

void inventory_clear(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->count; i++) {
        struct thing *thing = &inventory->list[i];
        free(thing->tag);
        free(thing->digest);
        free(thing->subject);
        digest_set_clear(&thing->layers);
    }
    free(inventory->list);
    digest_set_clear(&inventory->content);
    digest_set_clear(&inventory->own);
    *inventory = (struct inventory){0};
}

const char *thing_kind_word(enum thing_kind kind)
{
    static const char *const words[THING_KINDS] = {[THING_IMAGE] = "image",
                                                   [THING_SIGNATURE] = "signature",
                                                   [THING_ATTESTATION] = "attestation",
                                                   [THING_SBOM] = "SBOM",
                                                   [THING_REFERRER] = "referrer"};

    return words[kind];
}
