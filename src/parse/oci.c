/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/oci.h"

#include <stdint.h>

enum { LOWER = 1, DIGIT = 2, UPPER = 4, HEX = 8, TAG_PUNCTUATION = 16, ENCODED_PUNCTUATION = 32 };

/* One look-up per byte: which of the grammar's sets it belongs to. */
static const uint8_t sets[256] = {
    ['0' ... '9'] = DIGIT | HEX, ['a' ... 'f'] = LOWER | HEX,
    ['g' ... 'z'] = LOWER,       ['A' ... 'Z'] = UPPER,
    ['.'] = TAG_PUNCTUATION,     ['_'] = TAG_PUNCTUATION | ENCODED_PUNCTUATION,
    ['='] = ENCODED_PUNCTUATION, ['-'] = TAG_PUNCTUATION | ENCODED_PUNCTUATION,
};

static bool all_in(struct slice s, unsigned wanted)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(sets[(uint8_t)s.at[i]] & wanted))
            return false;
    return true;
}

static bool is_in(char c, unsigned wanted)
{
    return sets[(uint8_t)c] & wanted;
}

/* The length of a separator inside a path component, 0 if there is none: . _ __ or dashes. */
static size_t separator_length(struct slice s)
{
    size_t n = 0;

    if (s.len == 0)
        return 0;
    if (s.at[0] == '.')
        return 1;
    if (s.at[0] == '_')
        return s.len > 1 && s.at[1] == '_' ? 2 : 1;
    while (n < s.len && s.at[n] == '-')
        n++;
    return n;
}

static size_t alphanumeric_length(struct slice s, unsigned wanted)
{
    size_t n = 0;

    while (n < s.len && is_in(s.at[n], wanted))
        n++;
    return n;
}

bool oci_is_name(struct slice s)
{
    if (s.len == 0 || s.len > OCI_NAME_MAX)
        return false;
    for (;;) {
        size_t n = alphanumeric_length(s, LOWER | DIGIT);
        if (n == 0)
            return false;
        s = slice_from(s, n);
        if (s.len == 0)
            return true;
        n = s.at[0] == '/' ? 1 : separator_length(s);
        if (n == 0)
            return false;
        s = slice_from(s, n);
    }
}

bool oci_is_tag(struct slice s)
{
    return s.len > 0 && s.len <= OCI_TAG_MAX && s.at[0] != '.' && s.at[0] != '-' &&
           all_in(s, LOWER | DIGIT | UPPER | TAG_PUNCTUATION);
}

static bool is_algorithm(struct slice s)
{
    for (;;) {
        size_t n = alphanumeric_length(s, LOWER | DIGIT);
        if (n == 0)
            return false;
        s = slice_from(s, n);
        if (s.len == 0)
            return true;
        if (!s.at[0] || !strchr("+._-", s.at[0]))
            return false;
        s = slice_from(s, 1);
    }
}

/* The encoded length that a registered algorithm must have, 0 for others. */
static size_t registered_length(struct slice algorithm)
{
    if (slice_equal(algorithm, SLICE("sha256")) || slice_equal(algorithm, SLICE("blake3")))
        return 64;
    return slice_equal(algorithm, SLICE("sha512")) ? 128 : 0;
}

struct slice oci_digest_algorithm(struct slice digest)
{
    const char *colon = memchr(digest.at, ':', digest.len);
    return slice_to(digest, colon ? (size_t)(colon - digest.at) : digest.len);
}

struct slice oci_digest_encoded(struct slice digest)
{
    size_t n = oci_digest_algorithm(digest).len;
    return slice_from(digest, n < digest.len ? n + 1 : n);
}

bool oci_is_probeable(struct slice digest)
{
    struct slice algorithm = oci_digest_algorithm(digest);

    return slice_equal(algorithm, SLICE("sha256")) || slice_equal(algorithm, SLICE("sha512"));
}

bool oci_is_digest(struct slice s)
{
    if (s.len == 0 || s.len > OCI_DIGEST_MAX)
        return false;

    struct slice algorithm = oci_digest_algorithm(s);
    struct slice encoded = oci_digest_encoded(s);
    size_t length = registered_length(algorithm);

    if (length)
        return encoded.len == length && all_in(encoded, HEX);
    return encoded.len > 0 && is_algorithm(algorithm) &&
           all_in(encoded, LOWER | UPPER | DIGIT | ENCODED_PUNCTUATION);
}

static const size_t hex_length = 64;

static bool prefix_allowed(struct slice prefix, const struct signature_tags *allowed)
{
    for (size_t i = 0; i < allowed->prefix_count; i++)
        if (slice_equal(allowed->prefixes[i], SLICE("*")) ||
            slice_equal(allowed->prefixes[i], prefix))
            return true;
    return prefix.len == 0;
}

bool oci_is_signature_tag(struct slice tag, const struct signature_tags *allowed)
{
    struct slice algorithm = SLICE("sha256-");

    for (size_t i = 0; i < allowed->suffix_count; i++) {
        if (!slice_ends(tag, allowed->suffixes[i]))
            continue;
        struct slice stem = slice_to(tag, tag.len - allowed->suffixes[i].len);
        if (stem.len < algorithm.len + hex_length ||
            !all_in(slice_from(stem, stem.len - hex_length), HEX))
            continue;
        stem = slice_to(stem, stem.len - hex_length);
        if (slice_ends(stem, algorithm) &&
            prefix_allowed(slice_to(stem, stem.len - algorithm.len), allowed))
            return true;
    }
    return false;
}

bool oci_is_fallback_tag(struct slice tag)
{
    struct slice sha256 = SLICE("sha256-");

    return tag.len == sha256.len + hex_length &&
           (slice_starts(tag, sha256) || slice_starts(tag, SLICE("sha512-"))) &&
           all_in(slice_from(tag, sha256.len), HEX);
}
