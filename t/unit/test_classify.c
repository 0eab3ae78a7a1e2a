/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and what they ask for. Every word of the grammar may be part of a name, too. */
#include "parse/classify.h"
#include "tap.h"
#include "tight.h"

static const struct slice suffixes[] = {{".sig", 4}, {".att", 4}, {".sbom", 5}};
static const struct slice any_prefix[] = {{"*", 1}};
static const struct signature_tags tags = {any_prefix, suffixes, 1, 3};

/* ---- what is within the grammar: its class, name and reference ---- */

static const struct {
    int line;
    const char *path;
    enum request_class class;
    const char *name, *reference;
} samples[] = {
#define TAG       CLASS_MANIFEST_TAG
#define MANIFEST  CLASS_MANIFEST_DIGEST
#define BLOB      CLASS_BLOB
#define SIGNATURE CLASS_SIGNATURE
#define TAGS      CLASS_TAGS_LIST
    {__LINE__, "/v2/pause/manifests/3.9", TAG, "pause", "3.9"},
    {__LINE__, "/v2/a/b/c/manifests/v1", TAG, "a/b/c", "v1"},
    {__LINE__, "/v2/pause/manifests/" SHA256, MANIFEST, "pause", SHA256},
    {__LINE__, "/v2/pause/manifests/" SHA512, MANIFEST, "pause", SHA512},
    {__LINE__, "/v2/pause/manifests/blake3:" HEX64, MANIFEST, "pause", "blake3:" HEX64},
    {__LINE__, "/v2/pause/manifests/md5:0", MANIFEST, "pause", "md5:0"},
    {__LINE__, "/v2/pause/blobs/" SHA256, BLOB, "pause", SHA256},
    {__LINE__, "/v2/pause/blobs/" SHA512, BLOB, "pause", SHA512},
    {__LINE__, "/v2/pause/blobs/x+y:Z_=-", BLOB, "pause", "x+y:Z_=-"},
    {__LINE__, "/v2/pause/tags/list", TAGS, "pause", "list"},
    {__LINE__, "/v2/pause/referrers/" SHA256, SIGNATURE, "pause", SHA256},
    {__LINE__, "/v2/pause/referrers/" SHA512, SIGNATURE, "pause", SHA512},
    {__LINE__, "/v2/pause/referrers/md5:0", SIGNATURE, "pause", "md5:0"},

    /* signatures, and tags that are nearly such */
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".sig", SIGNATURE, "a", "sha256-" HEX64 ".sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".att", SIGNATURE, "a", "sha256-" HEX64 ".att"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".sbom", SIGNATURE, "a", "sha256-" HEX64 ".sbom"},
    {__LINE__, "/v2/a/manifests/p-sha256-" HEX64 ".sig", SIGNATURE, "a", "p-sha256-" HEX64 ".sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64, SIGNATURE, "a", "sha256-" HEX64},
    {__LINE__, "/v2/a/manifests/sha512-" HEX64, SIGNATURE, "a", "sha512-" HEX64},
    {__LINE__, "/v2/a/manifests/sha256-" HEX63 ".sig", TAG, "a", "sha256-" HEX63 ".sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX63 "A.sig", TAG, "a", "sha256-" HEX63 "A.sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".sigx", TAG, "a", "sha256-" HEX64 ".sigx"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".SIG", TAG, "a", "sha256-" HEX64 ".SIG"},
    {__LINE__, "/v2/a/manifests/sha512-" HEX64 ".sig", TAG, "a", "sha512-" HEX64 ".sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX63, TAG, "a", "sha256-" HEX63},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 "0", TAG, "a", "sha256-" HEX64 "0"},
    {__LINE__, "/v2/a/manifests/p-sha256-" HEX64, TAG, "a", "p-sha256-" HEX64},

    /* names made of the grammar's words: the last ones count */
    {__LINE__, "/v2/a/blobs/b/manifests/c", TAG, "a/blobs/b", "c"},
    {__LINE__, "/v2/manifests/manifests/manifests", TAG, "manifests", "manifests"},
    {__LINE__, "/v2/manifests/manifests/manifests/manifests", TAG, "manifests/manifests",
     "manifests"},
    {__LINE__, "/v2/blobs/blobs/" SHA256, BLOB, "blobs", SHA256},
    {__LINE__, "/v2/blobs/uploads/blobs/" SHA256, BLOB, "blobs/uploads", SHA256},
    {__LINE__, "/v2/a/blobs/uploads/manifests/v1", TAG, "a/blobs/uploads", "v1"},
    {__LINE__, "/v2/tags/list/tags/list", TAGS, "tags/list", "list"},
    {__LINE__, "/v2/tags/list/manifests/list", TAG, "tags/list", "list"},
    {__LINE__, "/v2/a/manifests/tags/list", TAGS, "a/manifests", "list"},
    {__LINE__, "/v2/referrers/referrers/" SHA256, SIGNATURE, "referrers", SHA256},
    {__LINE__, "/v2/a/referrers/x/blobs/" SHA256, BLOB, "a/referrers/x", SHA256},
    {__LINE__, "/v2/v2/manifests/v2", TAG, "v2", "v2"},
    {__LINE__, "/v2/uploads/manifests/uploads", TAG, "uploads", "uploads"},
};

static void check_sample(size_t i)
{
    struct classified c = classify(tight(slice_of(samples[i].path)), &tags);
    bool digest = strchr(samples[i].reference, ':');

    tap_ok(c.class == samples[i].class, __FILE__, samples[i].line, "%s is %s", samples[i].path,
           class_name(samples[i].class));
    tap_ok(slice_equal(c.name, slice_of(samples[i].name)) &&
               slice_equal(c.reference, slice_of(samples[i].reference)),
           __FILE__, samples[i].line, "  name and reference");
    tap_ok(c.is_digest == digest && !c.malformed_digest, __FILE__, samples[i].line, "  %s digest",
           digest ? "a" : "no");
}

/* ---- what is answered here ---- */

static const struct {
    int line;
    struct slice path;
    enum request_class class;
    enum endpoint endpoint; /* where an error's code depends on it */
    bool malformed_digest;
} others[] = {
#define OTHER(path, class, endpoint, malformed)                                                    \
    {                                                                                              \
        __LINE__, {path, sizeof(path) - 1}, CLASS_##class, ENDPOINT_##endpoint, malformed          \
    }
    OTHER("/v2", PING, NONE, false),
    OTHER("/v2/", PING, NONE, false),
    OTHER("/v2/_catalog", CATALOG, NONE, false),
    OTHER("/v2/a/blobs/uploads/", UPLOAD, BLOBS, false),
    OTHER("/v2/a/blobs/uploads/1b4e28ba-2fa1", UPLOAD, BLOBS, false),
    OTHER("/v2/a/b/blobs/uploads/x", UPLOAD, BLOBS, false),
    OTHER("/v2/blobs/blobs/uploads/x", UPLOAD, BLOBS, false),
    OTHER("/v2/a/blobs/uploads/" SHA256, UPLOAD, BLOBS, false),

    OTHER("", OTHER, NONE, false),
    OTHER("/", OTHER, NONE, false),
    OTHER("/v", OTHER, NONE, false),
    OTHER("/v1", OTHER, NONE, false),
    OTHER("/V2/", OTHER, NONE, false),
    OTHER("/v2foo", OTHER, NONE, false),
    OTHER("/v2foo/manifests/x", OTHER, NONE, false),
    OTHER("/v2//", OTHER, NONE, false),
    OTHER("//v2/", OTHER, NONE, false),
    OTHER("/v2/_catalog/", OTHER, NONE, false),
    OTHER("/v2/a", OTHER, NONE, false),
    OTHER("/v2/a/", OTHER, NONE, false),
    OTHER("/v2/a/b", OTHER, NONE, false),
    OTHER("/v2/a/b/c", OTHER, NONE, false),
    OTHER("/v2/a/manifest/x", OTHER, NONE, false),
    OTHER("/v2/a/Manifests/x", OTHER, NONE, false),
    OTHER("/v2/manifests/x", OTHER, NONE, false),
    OTHER("/v2/tags/list", OTHER, NONE, false),
    OTHER("/v2/blobs/" SHA256, OTHER, NONE, false),
    OTHER("/v2/blobs/uploads/", OTHER, NONE, false),
    OTHER("/v2/a/manifests/x/", OTHER, NONE, false),

    /* the endpoint is known, the rest is not right */
    OTHER("/v2/a/manifests/", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/.x", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/..", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/sha512-" HEX128, OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/sha512-" HEX128 ".sig", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/sha256:" HEX63, OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/sha256:" HEX63 "A", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/x\r", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/x\0", OTHER, MANIFESTS, false),
    OTHER("/v2/a/manifests/%78", OTHER, MANIFESTS, false),
    OTHER("/v2//manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/a//manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/a/../manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/../manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/./manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/A/manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/a\n/manifests/x", OTHER, MANIFESTS, false),
    OTHER("/v2/a/blobs/uploads", OTHER, BLOBS, false),
    OTHER("/v2/a/blobs/x", OTHER, BLOBS, false),
    OTHER("/v2/a/blobs/sha256:" HEX63, OTHER, BLOBS, false),
    OTHER("/v2/a/blobs/sha256-" HEX64, OTHER, BLOBS, false),
    OTHER("/v2/A/blobs/" SHA256, OTHER, BLOBS, false),
    OTHER("/v2/A/blobs/uploads/", OTHER, NONE, false),
    OTHER("/v2/a/tags/", OTHER, TAGS, false),
    OTHER("/v2/a/tags/lists", OTHER, TAGS, false),
    OTHER("/v2/a/tags/List", OTHER, TAGS, false),
    OTHER("/v2/A/tags/list", OTHER, TAGS, false),
    OTHER("/v2/a/referrers/", OTHER, REFERRERS, true),
    OTHER("/v2/a/referrers/latest", OTHER, REFERRERS, true),
    OTHER("/v2/a/referrers/sha256:" HEX63, OTHER, REFERRERS, true),
    OTHER("/v2/a/referrers/sha256:" HEX63 "A", OTHER, REFERRERS, true),
    OTHER("/v2/A/referrers/" SHA256, OTHER, REFERRERS, false),
};

static void check_other(size_t i)
{
    struct classified c = classify(tight(others[i].path), &tags);

    tap_ok(c.class == others[i].class, __FILE__, others[i].line, "%s is %s", shown(others[i].path),
           class_name(others[i].class));
    tap_ok(c.endpoint == others[i].endpoint && c.malformed_digest == others[i].malformed_digest,
           __FILE__, others[i].line, "  the endpoint, and whether its digest is malformed");
}

static void check_long_names(void)
{
    char path[1024], name[512];

    snprintf(path, sizeof path, "/v2/%s/manifests/x", padded(name, "", 'a', 255));
    ok(classify(slice_of(path), &tags).class == CLASS_MANIFEST_TAG, "a name of 255 bytes");
    snprintf(path, sizeof path, "/v2/%s/manifests/x", padded(name, "", 'a', 256));
    ok(classify(slice_of(path), &tags).class == CLASS_OTHER, "a name of 256 bytes is none");
    ok(classify((struct slice){NULL, 0}, &tags).class == CLASS_OTHER, "no path at all");
}

static void check_class_names(void)
{
    for (enum request_class class = 0; class <= CLASS_OTHER; class ++)
        ok(class_name(class) && *class_name(class), "class %d has a name", (int)class);
}

int main(void)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        check_sample(i);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check_other(i);
    check_long_names();
    check_class_names();
    return done_testing();
}
