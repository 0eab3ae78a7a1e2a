/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verify/checks.h"

#include <stddef.h>

/*
 * What clients do was read in their sources: go-containerregistry 0.21 (crane, and cosign
 * through it), cosign 2 and 3, containerd 2, moby, containers/image 5 (skopeo, podman,
 * CRI-O), oras-go 2, notation-go 1, regclient 0.11.
 */
const struct check_words check_words[CHECKS] = {
    [CHECK_PING] =
        {"ping", "GET /v2/ is answered 200, not redirected", "200 from the front door itself",
         "crane and cosign go nowhere without it, and after a redirect to http they use "
         "http for all that follows; skopeo and podman take nothing but 200 or 401; oras "
         "and regctl nothing but 200",
         "answer /v2/ at the front door with 200 and an empty body"},
    [CHECK_PING_HEAD] = {"ping-head", "HEAD /v2/ is answered 200", "200, as for GET",
                         "load balancers and monitoring that look by HEAD take the front door out",
                         "answer HEAD like GET"},
    [CHECK_PING_BARE] = {"ping-bare", "/v2 is answered like /v2/",
                         "200, at once or after a redirect",
                         "older Docker clients and health checks that ask without the slash fail",
                         "answer /v2 like /v2/"},
    [CHECK_PING_HEADERS] =
        {"ping-headers", "/v2/ asks for no login and offers no signature extension",
         "neither WWW-Authenticate nor X-Registry-Supports-Signatures",
         "with WWW-Authenticate clients fetch a token that no redirect carries on; with "
         "X-Registry-Supports-Signatures skopeo asks for /extensions/v2/… and fails",
         "remove the header from the answer to /v2/"},
    [CHECK_METHODS] =
        {"methods", "POST, PUT, PATCH and DELETE are refused",
         "405 with an Allow header that names GET and HEAD and no method that writes",
         "docker push, cosign sign and oras push, when they are pointed here by "
         "mistake, follow a redirect or wait for an upload instead of saying why not",
         "answer 405 with \"Allow: GET, HEAD\"; sign and push at the canonical registry "
         "(`signpost target`)"},
    [CHECK_HEAD] =
        {"head", "HEAD is nowhere refused as a method",
         "for HEAD the same status as for GET, never 405 or 501",
         "containerd and Docker begin each pull with HEAD; on 405 they ask a second time, "
         "or give up",
         "answer HEAD like GET"},
    [CHECK_DOTS] = {"dot-segments", "dot segments and encoded slashes lead out of nothing",
                    "an error, or a redirect to a path below the upstream's prefix with neither",
                    "whoever types such a name reads what lies beside the prefix, under the front "
                    "door's name; clients themselves send none",
                    "answer 404 for a path that is outside the grammar of names"},
    [CHECK_INJECTION] = {"injection", "CR, LF and NUL in a request put nothing into headers",
                         "an error, or a redirect in which they are still percent-encoded",
                         "every client behind a shared cache can be given a forged header or a "
                         "reference that was cut short",
                         "answer 404 for them, or pass the target on undecoded"},
    [CHECK_BAD_DIGEST] =
        {"bad-digest", "a digest that is none is refused",
         "4xx, from the front door or where it redirects to",
         "containerd, oras and skopeo try again and again on 5xx, and pull nothing "
         "from a mirror that they then take for broken",
         "answer 400 or 404 for a malformed digest"},
    [CHECK_LONG_TAG] = {"long-tag", "a tag that is too long is answered 404", "404",
                        "containerd and oras make such a tag as fallback for the referrers of a "
                        "sha512 digest, and take only 404 for \"there are none\"",
                        "answer 404 for a tag of more than 128 characters, not 400"},
    [CHECK_ERRORS] =
        {"errors", "what is not there is not called NAME_UNKNOWN",
         "404, and if the body is JSON, {\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",…}]}",
         "skopeo, podman and CRI-O with sigstore attachments, and oras, take NAME_UNKNOWN "
         "for an error where MANIFEST_UNKNOWN means \"there is no signature\": pulls fail",
         "answer manifests that are not there with the code MANIFEST_UNKNOWN"},
    [CHECK_TAG] = {"tag", "its tag leads to a manifest", "200 and a manifest at the end of the way",
                   "every client: nothing can be pulled by this tag",
                   "see that the upstream holds the image and serves it to everybody: a redirect "
                   "loses tokens"},
    [CHECK_TAG_HEAD] =
        {"tag-head", "HEAD of its tag tells its digest",
         "200, with Docker-Content-Digest and Content-Length as GET has them",
         "containerd, Docker and notation resolve tags by HEAD: without the digest they "
         "ask again with GET, with a wrong one they fail",
         "let HEAD go where GET goes"},
    [CHECK_DIGEST] =
        {"digest", "its manifest arrives by digest", "200 and bytes that have the digest",
         "every client: containerd and Docker ask by digest right after the tag",
         "see that all upstreams hold the same images, or ask them before redirecting"},
    [CHECK_DIGEST_HEAD] =
        {"digest-head", "HEAD of its digest tells the same",
         "200, with Docker-Content-Digest (if any) and Content-Length as GET has them",
         "containerd, pulling by digest, begins with this HEAD and gives up on 404",
         "let HEAD go where GET goes"},
    [CHECK_PLATFORMS] = {"platforms", "its platforms' manifests arrive by digest",
                         "200 and bytes that have the digest",
                         "every client that pulls an image for several platforms",
                         "see that all upstreams hold the same images"},
    [CHECK_BLOBS] =
        {"blobs", "its configuration and layers arrive whole", "200 and bytes that have the digest",
         "every client: the pull ends with a 404, or with a digest that does not match",
         "see that the bucket or upstream holds the blob; a bucket that does not should "
         "only be tried when it is known to"},
    [CHECK_BLOBS_HEAD] =
        {"blobs-head", "HEAD finds its layers", "200, with Content-Length",
         "ctr content fetch-blob, crane validate, kyverno and everything that copies "
         "images look by HEAD first: they upload again, or fail",
         "let HEAD go where GET goes; in a bucket, allow it as well"},
    [CHECK_RANGE] =
        {"range", "a layer can be fetched in parts",
         "206 with Content-Range, and parts that make up the whole",
         "containerd and Docker resume a broken download by Range: they begin anew, or put "
         "wrong bytes together",
         "keep the Range header out of caches' way, and use object stores that know it"},
    [CHECK_TAGS] = {"tags", "its tags are listed", "200 and a list in which the tag is",
                    "crane ls, skopeo list-tags, oras repo tags, regctl tag ls, and what picks "
                    "versions by them (Flux, Argo CD Image Updater, Renovate)",
                    "redirect tags/list to an upstream that lists all tags"},
    [CHECK_TAGS_PAGES] =
        {"tags-pages", "its list of tags goes on for every client",
         "no Link header, or one that leads on both from where it came from and by "
         "way of the front door",
         "crane 0.21.7 and later refuse a Link to another host; skopeo, podman and "
         "Docker ask for its path at the front door; oras and regctl follow it as "
         "it is",
         "drop `n` from the query, so that upstreams answer in one page, or let the "
         "front door answer tags/list itself"},
    [CHECK_UNSIGNED] =
        {"unsigned", "a signature that is not there is answered 404",
         "404, and if the body is JSON, no code but MANIFEST_UNKNOWN",
         "skopeo, podman and CRI-O with sigstore attachments fail to pull unsigned "
         "images on 403, 5xx or NAME_UNKNOWN; cosign reports an error in place of \"no "
         "signatures found\"",
         "see that the canonical registry answers 404 to everybody"},
    [CHECK_SIG] =
        {"sig", "its .sig tag goes to the canonical registry",
         "a redirect to the canonical registry",
         "cosign verify, policy-controller, kyverno, Flux and skopeo find no signature unless "
         "it is copied to every upstream",
         "redirect tags sha256-….sig to the canonical registry"},
    [CHECK_ATT] = {"att", "its .att tag goes to the canonical registry",
                   "a redirect to the canonical registry",
                   "cosign verify-attestation, download attestation and policy-controller find no "
                   "attestation",
                   "redirect tags sha256-….att to the canonical registry"},
    [CHECK_SBOM] = {"sbom", "its .sbom tag goes to the canonical registry",
                    "a redirect to the canonical registry",
                    "cosign download sbom, tree and copy find no SBOM",
                    "redirect tags sha256-….sbom to the canonical registry"},
    [CHECK_SIGNATURE_DIGEST] =
        {"signature-digest", "its signatures arrive by digest",
         "200 and bytes that have the digest, for GET and HEAD",
         "crane, cosign copy, oras, and containerd or a pull-through cache that resolved the "
         "signature's tag: the manifest is asked for by digest, and a region that lacks it answers "
         "404 (kubernetes/registry.k8s.io#324)",
         "send digests that only the canonical registry holds there: by an index or a prober"},
    [CHECK_SIGNATURE_CONTENT] =
        {"signature-content", "its signatures' content arrives by digest",
         "200 and bytes that have the digest",
         "cosign verify and skopeo: they fetch each layer of a signature as a blob, which a bucket "
         "or region lacks (kubernetes/registry.k8s.io#324)",
         "send digests that only the canonical registry holds there: by an index or a prober"},
    [CHECK_REFERRERS] =
        {"referrers", "its referrers are asked at the canonical registry",
         "a redirect to the canonical registry",
         "cosign 3, oras discover, notation verify, regctl artifact and containerd find "
         "no bundle, signature or SBOM: a region knows no referrers "
         "(kubernetes/registry.k8s.io#326)",
         "redirect /v2/NAME/referrers/DIGEST to the canonical registry"},
    [CHECK_REFERRERS_QUERY] = {"referrers-query", "the query of referrers arrives as it was sent",
                               "a Location with the same query, byte for byte",
                               "notation, oras and containerd filter by artifactType, and get all, "
                               "none, or the wrong ones",
                               "keep the query in the redirect"},
    [CHECK_REFERRERS_TYPE] =
        {"referrers-type", "referrers are told as an OCI index, or 404 as not supported",
         "200 with exactly Content-Type: application/vnd.oci.image.index.v1+json; or 404 without "
         "NAME_UNKNOWN",
         "crane and cosign 3 take no other type, not even with a charset; on 403, 405 or 5xx they "
         "fail, as do oras and notation; NAME_UNKNOWN is an error to oras and notation",
         "see that the canonical registry serves everybody; pass its answer on unchanged"},
    [CHECK_FALLBACK] =
        {"fallback", "its referrers' fallback tag goes to the canonical registry",
         "a redirect to the canonical registry",
         "cosign 3, oras, notation, regctl and containerd, where the canonical registry "
         "has no referrers API: they find none (kubernetes/registry.k8s.io#326)",
         "redirect tags sha256-… without a suffix to the canonical registry"},
    [CHECK_REFERRER_DIGEST] =
        {"referrer-digest", "each of its referrers arrives by digest",
         "200 and bytes that have the digest",
         "cosign 3 drops such a bundle without a word and goes on as if it were not signed; oras "
         "pull, notation verify and regctl fail (kubernetes/registry.k8s.io#326)",
         "send digests that only the canonical registry holds there: by an index or a prober"},
    [CHECK_REFERRER_CONTENT] =
        {"referrer-content", "its referrers' content arrives by digest",
         "200 and bytes that have the digest",
         "cosign 3 drops such a bundle without a word; notation verify, oras pull and regctl fail "
         "(kubernetes/registry.k8s.io#326)",
         "send digests that only the canonical registry holds there: by an index or a prober"},
};

bool check_find(enum check *check, struct slice key)
{
    for (enum check c = 0; c < CHECKS; c++)
        if (slice_equal(slice_of(check_words[c].key), key)) {
            *check = c;
            return true;
        }
    return false;
}
