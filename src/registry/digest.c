/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static void write_hex(const unsigned char *hash, unsigned size, char text[2 * EVP_MAX_MD_SIZE + 1])
{
    text[0] = '\0';
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

/* Writes the hash of content in hex, NUL-terminated; false without memory. */
static bool hash_hex(const EVP_MD *kind, struct slice content, char text[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!EVP_Digest(content.at, content.len, hash, &size, kind, NULL))
        return false;
    write_hex(hash, size, text);
    return true;
}

bool digest_of(struct slice content, char text[DIGEST_SHA256_TEXT])
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    bool made = hash_hex(EVP_sha256(), content, hex);

    snprintf(text, DIGEST_SHA256_TEXT, "%s%.64s", made ? "sha256:" : "", made ? hex : "");
    return made;
}

/* The hash that a digest is made by, or NULL. */
static const EVP_MD *kind_of(struct slice digest)
{
    if (slice_starts(digest, SLICE("sha256:")))
        return EVP_sha256();
    return slice_starts(digest, SLICE("sha512:")) ? EVP_sha512() : NULL;
}

static enum digest_verdict judge(struct slice digest, const char *hex)
{
    struct slice encoded = slice_from(digest, sizeof "sha256:" - 1); /* all names are this long */

    return slice_equal(encoded, slice_of(hex)) ? DIGEST_RIGHT : DIGEST_WRONG;
}

enum digest_verdict digest_verify(struct slice digest, struct slice content)
{
    const EVP_MD *kind = kind_of(digest);
    char hex[2 * EVP_MAX_MD_SIZE + 1];

    if (!kind)
        return DIGEST_OF_UNKNOWN_KIND;
    return hash_hex(kind, content, hex) ? judge(digest, hex) : DIGEST_NOT_MADE;
}

struct digest_hash {
    EVP_MD_CTX *context;
};

static void hash_free(struct digest_hash *hash)
{
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

static struct digest_hash *hash_new(void)
{
    struct digest_hash *hash = malloc(sizeof *hash);

    if (!hash)
        return NULL;
    hash->context = EVP_MD_CTX_new();
    if (hash->context)
        return hash;
    free(hash);
    return NULL;
}

struct digest_hash *digest_hash_start(struct slice digest)
{
    const EVP_MD *kind = kind_of(digest);
    struct digest_hash *hash = kind ? hash_new() : NULL;

    if (!hash || EVP_DigestInit_ex(hash->context, kind, NULL))
        return hash;
    hash_free(hash);
    return NULL;
}

struct digest_hash *digest_hash_copy(const struct digest_hash *hash)
{
    struct digest_hash *copy = hash ? hash_new() : NULL;

    if (!copy || EVP_MD_CTX_copy_ex(copy->context, hash->context))
        return copy;
    hash_free(copy);
    return NULL;
}

void digest_hash_add(struct digest_hash *hash, struct slice bytes)
{
    if (hash)
        EVP_DigestUpdate(hash->context, bytes.at, bytes.len);
}

enum digest_verdict digest_hash_end(struct digest_hash *hash, struct slice digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned size = 0;

    if (!hash)
        return DIGEST_NOT_MADE;
    EVP_DigestFinal_ex(hash->context, raw, &size);
    hash_free(hash);
    write_hex(raw, size, hex);
    return judge(digest, hex);
}

/* Where a digest is, or would be. */
static size_t place_of(const struct digest_set *set, struct slice digest, bool *found)
{
    size_t low = 0, high = set->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(slice_of(set->list[middle]), digest);
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

static bool make_room(struct digest_set *set)
{
    if (set->count < set->room)
        return true;
    size_t room = set->room ? 2 * set->room : 64;
    char **list = realloc(set->list, room * sizeof *list);
    if (!list)
        return false;
    set->list = list;
    set->room = room;
    return true;
}

void digest_set_add(struct digest_set *set, struct slice digest)
{
    bool found;
    size_t at = place_of(set, digest, &found);
    char *copy = found ? NULL : strndup(digest.at, digest.len);

    if (found)
        return;
    if (!copy || !make_room(set)) {
        set->starved = true;
        free(copy);
        return;
    }
    memmove(set->list + at + 1, set->list + at, (set->count - at) * sizeof *set->list);
    set->list[at] = copy;
    set->count++;
}

void digest_set_add_line(struct digest_set *set, struct slice digest, struct slice repository)
{
    char *line = NULL;

    if (asprintf(&line, "%.*s %.*s", (int)digest.len, digest.at, (int)repository.len,
                 repository.at) < 0) {
        set->starved = true;
        return;
    }
    digest_set_add(set, slice_of(line));
    free(line);
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
    set->starved |= other->starved;
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
    set->starved |= other->starved;
}

void digest_set_clear(struct digest_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->list[i]);
    free(set->list);
    *set = (struct digest_set){0};
}
