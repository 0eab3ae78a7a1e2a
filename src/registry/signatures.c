/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/signatures.h"

#include <stdio.h>
#include <stdlib.h>
#include "registry/manifest.h"
#include "registry/referrers.h"
#include "registry/tags.h"

/* Something that may be signed or referred to. */
struct subject {
    char digest[OCI_DIGEST_MAX + 1];
    unsigned depth; /* 0: the image, or a part of it */
};

struct walk {
    const struct signatures_reader *reader;
    struct slice name;
    struct digest_set *found, *own;
    struct digest_set asked; /* subjects, those still to be asked for too */
    bool is_cut;             /* something lies deeper than is looked */
    struct subject *queue;
    size_t queued, room, next;
    struct name_list tags; /* the repository's signature tags, where they had to be listed */
    size_t manifests;      /* read */
    struct why *why;
};

/* ---- subjects ---- */

static bool add_subject(struct walk *walk, struct slice digest, unsigned depth)
{
    if (digest_set_has(&walk->asked, digest))
        return true;
    if (depth > SIGNATURES_DEPTH_MAX) {
        walk->is_cut = true;
        return true;
    }
    if (walk->queued == walk->room) {
        size_t room = walk->room ? 2 * walk->room : 32;
        struct subject *queue = realloc(walk->queue, room * sizeof *queue);
        if (!queue)
            return why_not(walk->why, "there is not enough memory");
        walk->queue = queue;
        walk->room = room;
    }
    digest_set_add(&walk->asked, digest);
    struct subject *subject = &walk->queue[walk->queued++];
    subject->depth = depth;
    snprintf(subject->digest, sizeof subject->digest, "%.*s", (int)digest.len, digest.at);
    return true;
}

/* ---- manifests ---- */

/*
 * Reads a manifest by tag or digest. With REGISTRY_FOUND, digest is filled with
 * its own, and manifest must be cleared.
 */
static enum registry_outcome read_manifest(struct walk *walk, struct slice reference,
                                           struct manifest *manifest, char *digest)
{
    const struct http_response *response;

    if (++walk->manifests > SIGNATURES_MANIFESTS_MAX) {
        why_not(walk->why, "more than %d manifests belong to it", SIGNATURES_MANIFESTS_MAX);
        return REGISTRY_FAILED;
    }
    enum registry_outcome outcome =
        manifest_get(walk->reader->client, walk->name, reference, manifest, &response, walk->why);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    if (reference.len && memchr(reference.at, ':', reference.len))
        snprintf(digest, OCI_DIGEST_MAX + 1, "%.*s", (int)reference.len, reference.at);
    else if (!digest_of(response->body, digest)) {
        manifest_clear(manifest);
        why_not(walk->why, "there is not enough memory");
        return REGISTRY_FAILED;
    }
    if (walk->reader->progress)
        walk->reader->progress(walk->reader->context, walk->found->count);
    return outcome;
}

/* ---- the image ---- */

static bool hold(struct walk *walk, struct slice reference, unsigned nesting);

static bool hold_parts(struct walk *walk, const struct manifest *manifest, unsigned nesting)
{
    for (size_t i = 0; i < manifest->parts.count; i++) {
        struct slice part = slice_of(manifest->parts.list[i]);
        bool known = digest_set_has(walk->own, part);
        digest_set_add(walk->own, part);
        if (!known && !hold(walk, part, nesting + 1))
            return false;
    }
    return true;
}

/* Notes a manifest of the image, and what it is made of, as its own. */
static bool hold(struct walk *walk, struct slice reference, unsigned nesting)
{
    char digest[OCI_DIGEST_MAX + 1];
    struct manifest manifest;

    if (nesting > SIGNATURES_NESTING_MAX)
        return why_not(walk->why, "it has indexes in indexes, more than %d deep",
                       SIGNATURES_NESTING_MAX);
    enum registry_outcome outcome = read_manifest(walk, reference, &manifest, digest);
    if (outcome == REGISTRY_ABSENT && nesting > 0)
        return add_subject(walk, reference, 0); /* some registries keep a few platforms only */
    if (outcome == REGISTRY_ABSENT)
        return why_not(walk->why, "the registry has no such image");
    if (outcome != REGISTRY_FOUND)
        return false;
    digest_set_add(walk->own, slice_of(digest));
    digest_set_merge(walk->own, &manifest.content);
    bool good = add_subject(walk, slice_of(digest), 0) && hold_parts(walk, &manifest, nesting);
    manifest_clear(&manifest);
    return good;
}

/* ---- what belongs to it ---- */

static bool take_parts(struct walk *walk, const struct manifest *manifest, unsigned depth,
                       unsigned nesting);

/* Notes a manifest that belongs to a subject; it may be one itself. */
static bool take(struct walk *walk, const char *digest, const struct manifest *manifest,
                 unsigned depth, unsigned nesting)
{
    digest_set_add(walk->found, slice_of(digest));
    digest_set_merge(walk->found, &manifest->content);
    return add_subject(walk, slice_of(digest), depth + 1) &&
           take_parts(walk, manifest, depth, nesting);
}

static bool take_parts(struct walk *walk, const struct manifest *manifest, unsigned depth,
                       unsigned nesting)
{
    if (nesting >= SIGNATURES_NESTING_MAX)
        return true;
    for (size_t i = 0; i < manifest->parts.count; i++) {
        char digest[OCI_DIGEST_MAX + 1];
        struct manifest part;
        if (digest_set_has(walk->found, slice_of(manifest->parts.list[i])))
            continue;
        enum registry_outcome outcome =
            read_manifest(walk, slice_of(manifest->parts.list[i]), &part, digest);
        if (outcome == REGISTRY_FAILED)
            return false;
        if (outcome == REGISTRY_ABSENT)
            continue;
        bool good = take(walk, digest, &part, depth, nesting + 1);
        manifest_clear(&part);
        if (!good)
            return false;
    }
    return true;
}

/* ---- cosign's tags ---- */

static bool read_tag(struct walk *walk, struct slice tag, unsigned depth)
{
    char digest[OCI_DIGEST_MAX + 1];
    struct manifest manifest;
    enum registry_outcome outcome = read_manifest(walk, tag, &manifest, digest);

    if (outcome != REGISTRY_FOUND)
        return outcome == REGISTRY_ABSENT;
    bool good = take(walk, digest, &manifest, depth, 0);
    manifest_clear(&manifest);
    return good;
}

static bool read_named_tag(struct walk *walk, const struct subject *subject, struct slice prefix,
                           struct slice suffix)
{
    struct slice encoded = oci_digest_encoded(slice_of(subject->digest));
    char tag[OCI_TAG_MAX + 1];
    int n = snprintf(tag, sizeof tag, "%.*ssha256-%.*s%.*s", (int)prefix.len, prefix.at,
                     (int)encoded.len, encoded.at, (int)suffix.len, suffix.at);

    return n >= (int)sizeof tag || !oci_is_tag(slice_of(tag)) ||
           read_tag(walk, slice_of(tag), subject->depth);
}

/* The tags whose names are known: without a prefix, and with each that is configured. */
static bool read_named_tags(struct walk *walk, const struct subject *subject)
{
    const struct signature_tags *tags = walk->reader->tags;

    for (size_t i = 0; i < tags->suffix_count; i++) {
        if (!read_named_tag(walk, subject, SLICE(""), tags->suffixes[i]))
            return false;
        for (size_t j = 0; j < tags->prefix_count; j++)
            if (tags->prefixes[j].len && !slice_equal(tags->prefixes[j], SLICE("*")) &&
                !read_named_tag(walk, subject, tags->prefixes[j], tags->suffixes[i]))
                return false;
    }
    return true;
}

/* The tags that were found in the repository's list, since their prefix may be anything. */
static bool read_listed_tags(struct walk *walk, const struct subject *subject)
{
    struct slice encoded = oci_digest_encoded(slice_of(subject->digest));

    for (size_t i = 0; i < walk->tags.count; i++) {
        struct slice tag = slice_of(walk->tags.list[i]);
        if (!slice_starts(tag, SLICE("sha256-")) &&
            memmem(tag.at, tag.len, encoded.at, encoded.len) &&
            !read_tag(walk, tag, subject->depth))
            return false;
    }
    return true;
}

static bool prefixes_are_open(const struct signature_tags *tags)
{
    for (size_t i = 0; i < tags->prefix_count; i++)
        if (slice_equal(tags->prefixes[i], SLICE("*")))
            return true;
    return false;
}

static void note_cut(const struct walk *walk)
{
    struct why sentence;

    why_not(&sentence,
            "What refers to %.*s goes more than %d steps deep; what lies deeper is missing.",
            (int)walk->name.len, walk->name.at, SIGNATURES_DEPTH_MAX);
    if (walk->is_cut && walk->reader->note)
        walk->reader->note(walk->reader->context, sentence.text);
}

static void list_tags(struct walk *walk)
{
    struct why why, sentence;

    if (!prefixes_are_open(walk->reader->tags) ||
        tags_read(&walk->tags, walk->reader->client, walk->name, walk->reader->tags, &why) !=
            REGISTRY_FAILED)
        return;
    why_not(&sentence,
            "The tags of %.*s cannot be listed, so signatures under tags with a prefix are not "
            "found: %.180s.",
            (int)walk->name.len, walk->name.at, why.text);
    if (walk->reader->note)
        walk->reader->note(walk->reader->context, sentence.text);
}

/* ---- referrers ---- */

enum acceptance { ACCEPTED, NOT_ACCEPTED, NOT_THERE, ACCEPT_FAILED };

/* Takes a manifest if it says itself that it refers to the subject. */
static enum acceptance take_referrer(struct walk *walk, const struct subject *subject,
                                     struct slice referrer)
{
    char digest[OCI_DIGEST_MAX + 1];
    struct manifest manifest;
    enum registry_outcome outcome = read_manifest(walk, referrer, &manifest, digest);

    if (outcome != REGISTRY_FOUND)
        return outcome == REGISTRY_ABSENT ? NOT_THERE : ACCEPT_FAILED;
    bool ours = manifest.subject && strcmp(manifest.subject, subject->digest) == 0;
    bool good = !ours || take(walk, digest, &manifest, subject->depth, 0);
    manifest_clear(&manifest);
    if (!good)
        return ACCEPT_FAILED;
    return ours ? ACCEPTED : NOT_ACCEPTED;
}

/* Takes the referrers that an index lists. False if that failed; counts what it took. */
static bool take_referrers(struct walk *walk, const struct subject *subject,
                           const struct digest_set *referrers, size_t *accepted, size_t *refused)
{
    *accepted = *refused = 0;
    for (size_t i = 0; i < referrers->count; i++) {
        enum acceptance acceptance = take_referrer(walk, subject, slice_of(referrers->list[i]));
        if (acceptance == ACCEPT_FAILED)
            return false;
        *accepted += acceptance == ACCEPTED;
        *refused += acceptance == NOT_ACCEPTED;
    }
    return true;
}

static bool read_referrers(struct walk *walk, const struct subject *subject)
{
    struct digest_set referrers = {0};
    size_t accepted, refused;
    enum registry_outcome outcome = referrers_list(
        walk->reader->client, walk->name, slice_of(subject->digest), &referrers, walk->why);
    bool good = outcome != REGISTRY_FAILED &&
                take_referrers(walk, subject, &referrers, &accepted, &refused);

    digest_set_clear(&referrers);
    return good;
}

/*
 * The index under the fallback tag (distribution-spec 1.1, "Referrers Tag Schema").
 * The tag may as well hold a copy of the image itself (`cosign copy` writes one): it
 * is believed only as far as what it lists says that it refers to the subject.
 */
static bool read_fallback(struct walk *walk, const struct subject *subject)
{
    struct slice algorithm = oci_digest_algorithm(slice_of(subject->digest));
    struct slice encoded = oci_digest_encoded(slice_of(subject->digest));
    char tag[OCI_TAG_MAX + 1], digest[OCI_DIGEST_MAX + 1];
    struct manifest index;
    size_t accepted, refused;

    snprintf(tag, sizeof tag, "%.*s-%.*s", (int)algorithm.len, algorithm.at,
             (int)(encoded.len < 64 ? encoded.len : 64), encoded.at);
    if (!oci_is_fallback_tag(slice_of(tag)))
        return true;
    enum registry_outcome outcome = read_manifest(walk, slice_of(tag), &index, digest);
    if (outcome != REGISTRY_FOUND)
        return outcome == REGISTRY_ABSENT;
    bool good = !index.is_index || take_referrers(walk, subject, &index.parts, &accepted, &refused);
    if (good && index.is_index && accepted && !refused)
        digest_set_add(walk->found, slice_of(digest));
    manifest_clear(&index);
    return good;
}

/* ---- all of it ---- */

static bool read_subject(struct walk *walk, const struct subject *subject)
{
    bool sha256 = slice_starts(slice_of(subject->digest), SLICE("sha256:"));

    /* cosign's tags are for sha256 digests only. */
    if (sha256 && !(read_named_tags(walk, subject) && read_listed_tags(walk, subject)))
        return false;
    return read_referrers(walk, subject) && read_fallback(walk, subject);
}

static void end_walk(struct walk *walk)
{
    free(walk->queue);
    digest_set_clear(&walk->asked);
    name_list_clear(&walk->tags);
}

bool signatures_read(const struct signatures_reader *reader, struct slice name,
                     struct slice reference, struct digest_set *found, struct digest_set *own,
                     struct why *why)
{
    struct walk walk = {.reader = reader, .name = name, .found = found, .own = own, .why = why};
    bool good = hold(&walk, reference, 0);

    if (reader->repository.len)
        walk.name = reader->repository;
    if (good)
        list_tags(&walk);
    while (good && walk.next < walk.queued) {
        struct subject subject = walk.queue[walk.next++]; /* the queue may move */
        good = read_subject(&walk, &subject);
    }
    note_cut(&walk);
    if (good && (found->starved || own->starved || walk.asked.starved))
        good = why_not(why, "there is not enough memory");
    end_walk(&walk);
    return good;
}
