/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* Writes the hash of content in hex, NUL-terminated. */
static void hash_hex(const EVP_MD *kind, struct slice content, char text[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    EVP_Digest(content.at, content.len, hash, &size, kind, NULL);
    text[0] = '\0';
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

void digest_of(struct slice content, char text[DIGEST_SHA256_TEXT])
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];

    hash_hex(EVP_sha256(), content, hex);
    snprintf(text, DIGEST_SHA256_TEXT, "sha256:%.64s", hex);
}

enum digest_verdict digest_verify(struct slice digest, struct slice content)
{
    char text[2 * EVP_MAX_MD_SIZE + 1];
    struct slice of256 = SLICE("sha256:"), of512 = SLICE("sha512:");

    if (slice_starts(digest, of256))
        hash_hex(EVP_sha256(), content, text);
    else if (slice_starts(digest, of512))
        hash_hex(EVP_sha512(), content, text);
    else
        return DIGEST_OF_UNKNOWN_KIND;
    return slice_equal(slice_from(digest, of256.len), slice_of(text)) ? DIGEST_RIGHT : DIGEST_WRONG;
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where a digest is, or would be. */
static size_t place_of(const struct digest_set *set, struct slice digest, bool *found)
{
    size_t low = 0, high = set->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(slice_of(set->list[middle]), digest);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void *need(void *memory)
{
    if (!memory) {
        fputs("There is not enough memory.\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void digest_set_add(struct digest_set *set, struct slice digest)
{
    bool found;
    size_t at = place_of(set, digest, &found);

    if (found)
        return;
    if (set->count == set->room) {
        set->room = set->room ? 2 * set->room : 64;
        set->list = need(realloc(set->list, set->room * sizeof *set->list));
    }
    memmove(set->list + at + 1, set->list + at, (set->count - at) * sizeof *set->list);
    set->list[at] = need(strndup(digest.at, digest.len));
    set->count++;
}

bool digest_set_has(const struct digest_set *set, struct slice digest)
{
    bool found;
    place_of(set, digest, &found);
    return found;
}

void digest_set_merge(struct digest_set *set, const struct digest_set *other)
{
    for (size_t i = 0; i < other->count; i++)
        digest_set_add(set, slice_of(other->list[i]));
}

void digest_set_subtract(struct digest_set *set, const struct digest_set *other)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (digest_set_has(other, slice_of(set->list[i])))
            free(set->list[i]);
        else
            set->list[kept++] = set->list[i];
    }
    set->count = kept;
}

void digest_set_clear(struct digest_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->list[i]);
    free(set->list);
    *set = (struct digest_set){0};
}
