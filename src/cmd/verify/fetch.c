/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include "parse/oci.h"
#include "registry/digest.h"
#include "registry/headers.h"

static const long long BLOB_MAX = 1LL << 36; /* bytes, where no size is told */

const char accept_manifest[] = "application/vnd.oci.image.index.v1+json, "
                               "application/vnd.oci.image.manifest.v1+json, "
                               "application/vnd.docker.distribution.manifest.list.v2+json, "
                               "application/vnd.docker.distribution.manifest.v2+json, "
                               "application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";

struct target_text target_of(const struct inspection *inspection, const char *kind,
                             struct slice reference)
{
    struct target_text target;

    snprintf(target.text, sizeof target.text, "/v2/%.*s/%s/%.*s", (int)inspection->name.len,
             inspection->name.at, kind, (int)reference.len, reference.at);
    return target;
}

struct slice target_asked(const struct target_text *target)
{
    return slice_from(slice_of(target->text), sizeof "/v2" - 1);
}

bool fetch_arrives(struct trial *trial, const struct journey *journey, long status)
{
    if (!journey->arrived)
        trial_fault(trial, journey, "%s", journey->why.text);
    else if (journey->answer.status == 401)
        trial_fault(trial, journey, "the answer is 401: not everybody may read it");
    else if (journey->answer.status != status)
        trial_fault(trial, journey, "the answer is %ld", journey->answer.status);
    else
        return true;
    return false;
}

/* That a Docker-Content-Digest, if there is one of that kind, is this. */
static bool digest_header_agrees(struct trial *trial, const struct journey *journey,
                                 struct slice digest)
{
    struct slice head = journey->answer.head, told;

    if (!header_find(&head, SLICE("Docker-Content-Digest"), &told) ||
        !slice_equal(oci_digest_algorithm(told), oci_digest_algorithm(digest)) ||
        slice_equal(told, digest))
        return true;
    trial_fault(trial, journey, "its Docker-Content-Digest is %.*s, its bytes have %.*s",
                (int)told.len, told.at, (int)digest.len, digest.at);
    return false;
}

static bool bytes_agree(struct trial *trial, const struct journey *journey, struct slice reference)
{
    struct slice body = journey->answer.body;
    char own[DIGEST_SHA256_TEXT];

    if (!digest_of(body, own)) {
        trial_fault(trial, journey, "there is not enough memory to check it");
        return false;
    }
    if (!memchr(reference.at, ':', reference.len))
        return digest_header_agrees(trial, journey, slice_of(own));
    if (digest_verify(reference, body) != DIGEST_WRONG)
        return digest_header_agrees(trial, journey, reference);
    trial_fault(trial, journey, "its %zu bytes have the digest %s", body.len, own);
    return false;
}

bool fetch_manifest(struct trial *trial, struct slice reference, struct journey *journey)
{
    struct target_text target = target_of(trial->inspection, "manifests", reference);

    trial_try(trial);
    journey_make(journey, &trial->inspection->traveller,
                 &(struct errand){.target = target.text, .accept = accept_manifest});
    return fetch_arrives(trial, journey, 200) && bytes_agree(trial, journey, reference);
}

static long long length_of(const struct http_response *answer)
{
    struct slice head = answer->head, value;
    char text[24];

    if (!header_find(&head, SLICE("Content-Length"), &value) || value.len >= sizeof text)
        return -1;
    snprintf(text, sizeof text, "%.*s", (int)value.len, value.at);
    return atoll(text);
}

void fetch_head(struct trial *trial, const char *kind, struct slice reference, struct slice digest,
                long long size)
{
    struct target_text target = target_of(trial->inspection, kind, reference);
    struct journey journey;

    trial_try(trial);
    journey_make(
        &journey, &trial->inspection->traveller,
        &(struct errand){.target = target.text, .method = "HEAD", .accept = accept_manifest});
    if (fetch_arrives(trial, &journey, 200) && digest_header_agrees(trial, &journey, digest)) {
        long long told = length_of(&journey.answer);
        if (size >= 0 && told >= 0 && told != size)
            trial_fault(trial, &journey, "its Content-Length is %lld, and there are %lld bytes",
                        told, size);
    }
    journey_end(&journey);
}

/* A blob as it comes. */
struct flow {
    struct digest_hash *hash;
    long long left; /* bytes that may come yet */
};

static bool take_bytes(void *context, struct slice bytes)
{
    struct flow *flow = context;

    flow->left -= (long long)bytes.len;
    digest_hash_add(flow->hash, bytes);
    return flow->left >= 0;
}

bool fetch_blob(struct trial *trial, const struct descriptor *blob)
{
    struct slice digest = slice_of(blob->digest);
    struct flow flow = {digest_hash_start(digest), blob->size < 0 ? BLOB_MAX : blob->size};
    struct target_text target = target_of(trial->inspection, "blobs", digest);
    struct journey journey;

    if (!flow.hash)
        return false; /* of a kind that nobody here can check, or for want of memory */
    trial_try(trial);
    journey_make(&journey, &trial->inspection->traveller,
                 &(struct errand){.target = target.text, .sink = {take_bytes, &flow}});
    bool arrived = fetch_arrives(trial, &journey, 200);
    bool right = digest_hash_end(flow.hash, digest) == DIGEST_RIGHT;
    if (arrived && !right)
        trial_fault(trial, &journey, "its bytes have another digest");
    journey_end(&journey);
    return arrived && right;
}

/* ---- in parts ---- */

/* Fetches the bytes from first to last; false, with a fault, if not just these come. */
static bool fetch_part(struct trial *trial, const struct descriptor *blob, struct flow *flow,
                       long long first, long long last)
{
    struct target_text target = target_of(trial->inspection, "blobs", slice_of(blob->digest));
    struct slice told = {"", 0};
    char range[64], wanted[96];
    struct journey journey;

    if (last + 1 < blob->size)
        snprintf(range, sizeof range, "%lld-%lld", first, last);
    else
        snprintf(range, sizeof range, "%lld-", first); /* as clients go on */
    snprintf(wanted, sizeof wanted, "bytes %lld-%lld/%lld", first, last, blob->size);
    flow->left = last + 1 - first;
    journey_make(
        &journey, &trial->inspection->traveller,
        &(struct errand){.target = target.text, .range = range, .sink = {take_bytes, flow}});
    struct slice head = journey.answer.head;
    bool ignored = journey.answer.status == 200; /* perhaps it was cut off: all came, not a part */
    bool good = !ignored && fetch_arrives(trial, &journey, 206);
    if (good) {
        header_find(&head, SLICE("Content-Range"), &told);
        good = slice_equal(told, slice_of(wanted)) && flow->left == 0;
    }
    if (ignored)
        trial_fault(trial, &journey, "Range is passed over: the answer is 200");
    else if (!good && journey_status(&journey) == 206)
        trial_fault(trial, &journey, "bytes=%s is answered with %lld bytes and Content-Range: %.*s",
                    range, last + 1 - first - flow->left, (int)told.len, told.at);
    journey_end(&journey);
    return good;
}

void fetch_parts(struct trial *trial, const struct descriptor *blob)
{
    struct slice digest = slice_of(blob->digest);
    long long middle = blob->size / 2;
    struct flow flow = {digest_hash_start(digest), 0};

    if (!flow.hash)
        return;
    bool good = false;
    if (blob->size >= 2) {
        trial_try(trial);
        good = fetch_part(trial, blob, &flow, 0, middle - 1) &&
               fetch_part(trial, blob, &flow, middle, blob->size - 1);
    }
    if (digest_hash_end(flow.hash, digest) == DIGEST_WRONG && good)
        trial_fault(trial, NULL, "the parts of %s, together, have another digest", blob->digest);
}
