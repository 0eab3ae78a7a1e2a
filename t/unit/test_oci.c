/* SPDX-License-Identifier: Apache-2.0 */
/* Names, tags, digests and signature tags: what is one, and what is nearly one. */
#include "parse/oci.h"
#include "tap.h"
#include "tight.h"

struct sample {
    int line;
    bool (*holds)(struct slice text);
    bool want;
    struct slice text;
};

/* The defaults of a configuration. */
static const struct slice suffixes[] = {{".sig", 4}, {".att", 4}, {".sbom", 5}};
static const struct slice any_prefix[] = {{"*", 1}};
static const struct slice own_prefixes[] = {{"team-", 5}, {"x", 1}};

static bool is_signature(struct slice tag)
{
    return oci_is_signature_tag(tag, &(struct signature_tags){any_prefix, suffixes, 1, 3});
}

static bool is_own_signature(struct slice tag)
{
    return oci_is_signature_tag(tag, &(struct signature_tags){own_prefixes, suffixes, 2, 3});
}

static bool is_bare_signature(struct slice tag)
{
    return oci_is_signature_tag(tag, &(struct signature_tags){NULL, suffixes, 0, 3});
}

#define YES(is, text)                                                                              \
    {                                                                                              \
        __LINE__, is, true,                                                                        \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define NO(is, text)                                                                               \
    {                                                                                              \
        __LINE__, is, false,                                                                       \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

static const struct sample samples[] = {
    YES(oci_is_name, "a"),
    YES(oci_is_name, "0"),
    YES(oci_is_name, "pause"),
    YES(oci_is_name, "a/b"),
    YES(oci_is_name, "kube-proxy/arm64"),
    YES(oci_is_name, "a.b"),
    YES(oci_is_name, "a_b"),
    YES(oci_is_name, "a__b"),
    YES(oci_is_name, "a-b"),
    YES(oci_is_name, "a-----b"),
    YES(oci_is_name, "manifests/blobs/tags/referrers/list/uploads/v2"),
    NO(oci_is_name, ""),
    NO(oci_is_name, "/"),
    NO(oci_is_name, "/a"),
    NO(oci_is_name, "a/"),
    NO(oci_is_name, "a//b"),
    NO(oci_is_name, "."),
    NO(oci_is_name, ".."),
    NO(oci_is_name, "../a"),
    NO(oci_is_name, "a/../b"),
    NO(oci_is_name, "a/./b"),
    NO(oci_is_name, "a..b"),
    NO(oci_is_name, ".a"),
    NO(oci_is_name, "a."),
    NO(oci_is_name, "a./b"),
    NO(oci_is_name, "a/.b"),
    NO(oci_is_name, "_a"),
    NO(oci_is_name, "a_"),
    NO(oci_is_name, "a__"),
    NO(oci_is_name, "a___b"),
    NO(oci_is_name, "a_.b"),
    NO(oci_is_name, "a-_b"),
    NO(oci_is_name, "-a"),
    NO(oci_is_name, "a-"),
    NO(oci_is_name, "A"),
    NO(oci_is_name, "aB"),
    NO(oci_is_name, "a b"),
    NO(oci_is_name, "a%b"),
    NO(oci_is_name, "a:b"),
    NO(oci_is_name, "a@b"),
    NO(oci_is_name, "a\\b"),
    NO(oci_is_name, "a\rb"),
    NO(oci_is_name, "a\nb"),
    NO(oci_is_name, "a\n"),
    NO(oci_is_name, "a\0b"),
    NO(oci_is_name, "\0"),
    NO(oci_is_name, "caf\xc3\xa9"),
    NO(oci_is_name, "a\xff"),

    YES(oci_is_tag, "3.9"),
    YES(oci_is_tag, "latest"),
    YES(oci_is_tag, "_"),
    YES(oci_is_tag, "A"),
    YES(oci_is_tag, "v1.2.3-rc.1_x"),
    YES(oci_is_tag, "1..2"),
    YES(oci_is_tag, "sha256-" HEX64 ".sig"),
    NO(oci_is_tag, ""),
    NO(oci_is_tag, "."),
    NO(oci_is_tag, ".."),
    NO(oci_is_tag, ".a"),
    NO(oci_is_tag, "-a"),
    NO(oci_is_tag, "a/b"),
    NO(oci_is_tag, "a:b"),
    NO(oci_is_tag, "a+b"),
    NO(oci_is_tag, "a=b"),
    NO(oci_is_tag, "a b"),
    NO(oci_is_tag, "a%"),
    NO(oci_is_tag, "a\r"),
    NO(oci_is_tag, "a\n"),
    NO(oci_is_tag, "a\0"),
    NO(oci_is_tag, "\xe9"),
    NO(oci_is_tag, "sha512-" HEX128),

    YES(oci_is_digest, SHA256),
    YES(oci_is_digest, SHA512),
    YES(oci_is_digest, "blake3:" HEX64),
    YES(oci_is_digest, "md5:a"),
    YES(oci_is_digest, "sha384:" HEX64 HEX32),
    YES(oci_is_digest, "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"),
    YES(oci_is_digest, "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564="),
    YES(oci_is_digest, "a.b_c-d+e:Z"),
    NO(oci_is_digest, ""),
    NO(oci_is_digest, ":"),
    NO(oci_is_digest, "sha256"),
    NO(oci_is_digest, "sha256:"),
    NO(oci_is_digest, ":" HEX64),
    NO(oci_is_digest, "sha256:" HEX63),
    NO(oci_is_digest, SHA256 "0"),
    NO(oci_is_digest, "sha256:" HEX63 "F"),
    NO(oci_is_digest, "sha256:" HEX63 "g"),
    NO(oci_is_digest, "sha256:" HEX63 "\n"),
    NO(oci_is_digest, "sha256:" HEX63 "\0"),
    NO(oci_is_digest, SHA256 ".sig"),
    NO(oci_is_digest, "SHA256:" HEX64),
    NO(oci_is_digest, "sha256:" HEX128),
    NO(oci_is_digest, "sha512:" HEX64),
    NO(oci_is_digest, "sha512:" HEX64 HEX63 "F"),
    NO(oci_is_digest, "blake3:" HEX63),
    NO(oci_is_digest, "blake3:" HEX63 "A"),
    NO(oci_is_digest, "a+:b"),
    NO(oci_is_digest, "+a:b"),
    NO(oci_is_digest, "a++b:c"),
    NO(oci_is_digest, "a b:c"),
    NO(oci_is_digest, "a:b:c"),
    NO(oci_is_digest, "a:b/c"),
    NO(oci_is_digest, "a:b%"),
    NO(oci_is_digest, "a:b\r"),
    NO(oci_is_digest, "a\0b:c"),
    NO(oci_is_digest, "a\xe9:c"),
    NO(oci_is_digest, "sha256-" HEX64),

    YES(is_signature, "sha256-" HEX64 ".sig"),
    YES(is_signature, "sha256-" HEX64 ".att"),
    YES(is_signature, "sha256-" HEX64 ".sbom"),
    YES(is_signature, "team-sha256-" HEX64 ".sig"),
    YES(is_signature, "sha256-sha256-" HEX64 ".sig"),
    NO(is_signature, ""),
    NO(is_signature, ".sig"),
    NO(is_signature, "sha256-.sig"),
    NO(is_signature, HEX64 ".sig"),
    NO(is_signature, "sha256-" HEX63 ".sig"),
    NO(is_signature, "sha256-" HEX64 "0.sig"),
    NO(is_signature, "sha256-" HEX63 "F.sig"),
    NO(is_signature, "SHA256-" HEX64 ".sig"),
    NO(is_signature, "sha256:" HEX64 ".sig"),
    NO(is_signature, "sha256_" HEX64 ".sig"),
    NO(is_signature, "sha512-" HEX64 ".sig"),
    NO(is_signature, "sha256-" HEX64 ".sigx"),
    NO(is_signature, "sha256-" HEX64 ".si"),
    NO(is_signature, "sha256-" HEX64 "sig"),
    NO(is_signature, "sha256-" HEX64 ".SIG"),
    NO(is_signature, "sha256-" HEX64 ".sig.sig"),
    NO(is_signature, "sha256-" HEX64),

    YES(is_own_signature, "sha256-" HEX64 ".sig"),
    YES(is_own_signature, "team-sha256-" HEX64 ".sig"),
    YES(is_own_signature, "xsha256-" HEX64 ".att"),
    NO(is_own_signature, "tea-sha256-" HEX64 ".sig"),
    NO(is_own_signature, "team-xsha256-" HEX64 ".sig"),
    NO(is_own_signature, "*sha256-" HEX64 ".sig"),

    YES(is_bare_signature, "sha256-" HEX64 ".sig"),
    NO(is_bare_signature, "xsha256-" HEX64 ".sig"),

    YES(oci_is_fallback_tag, "sha256-" HEX64),
    YES(oci_is_fallback_tag, "sha512-" HEX64),
    NO(oci_is_fallback_tag, ""),
    NO(oci_is_fallback_tag, "sha256-"),
    NO(oci_is_fallback_tag, "sha256-" HEX63),
    NO(oci_is_fallback_tag, "sha256-" HEX64 "0"),
    NO(oci_is_fallback_tag, "sha256-" HEX63 "F"),
    NO(oci_is_fallback_tag, "sha384-" HEX64),
    NO(oci_is_fallback_tag, "Sha256-" HEX64),
    NO(oci_is_fallback_tag, "sha256:" HEX64),
    NO(oci_is_fallback_tag, "sha512-" HEX128),
    NO(oci_is_fallback_tag, "x-sha256-" HEX64),
};

static void check_samples(void)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *s = &samples[i];
        tap_ok(s->holds(tight(s->text)) == s->want, __FILE__, s->line, "%s: %s",
               s->want ? "is one" : "is none", shown(s->text));
    }
}

/* The longest of each that is one, and one byte more. */
static void check_limits(void)
{
    char text[512];

    ok(oci_is_name(slice_of(padded(text, "", 'a', 255))), "a name of 255 bytes");
    ok(!oci_is_name(slice_of(padded(text, "", 'a', 256))), "a name of 256 bytes is none");
    ok(oci_is_tag(slice_of(padded(text, "", 'a', 128))), "a tag of 128 bytes");
    ok(!oci_is_tag(slice_of(padded(text, "", 'a', 129))), "a tag of 129 bytes is none");
    ok(oci_is_digest(slice_of(padded(text, "x:", 'a', 254))), "a digest of 256 bytes");
    ok(!oci_is_digest(slice_of(padded(text, "x:", 'a', 255))), "a digest of 257 bytes is none");
}

static void check_nothing(void)
{
    struct slice nothing = {NULL, 0};

    ok(!oci_is_name(nothing) && !oci_is_tag(nothing) && !oci_is_digest(nothing) &&
           !oci_is_fallback_tag(nothing) && !is_signature(nothing),
       "nothing at all is none of them");
}

/* Of every byte: names and tags have the few that the grammar gives them. */
static void check_bytes(void)
{
    const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    const char tag[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    int names = 0, tags = 0;

    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        struct slice s = tight((struct slice){text, 3});
        names += oci_is_name(s) == (c && strchr(name, c));
        tags += oci_is_tag(s) == (c && strchr(tag, c));
    }
    cmp_ok(names, ==, 256, "no other byte is in a name");
    cmp_ok(tags, ==, 256, "no other byte is in a tag");
}

static void check_parts(void)
{
    struct slice digest = SLICE("sha256+b64u:abc=");

    ok(slice_equal(oci_digest_algorithm(digest), SLICE("sha256+b64u")), "the algorithm");
    ok(slice_equal(oci_digest_encoded(digest), SLICE("abc=")), "the encoded part");
    ok(oci_digest_encoded(SLICE("none")).len == 0, "no encoded part without a colon");
}

int main(void)
{
    check_samples();
    check_limits();
    check_nothing();
    check_bytes();
    check_parts();
    return done_testing();
}
