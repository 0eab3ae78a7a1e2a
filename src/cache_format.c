/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_format.h"

#include "text.h"

enum { DIGEST_PART = 16 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first bytes of a digest; what is not hex stands for itself. */
static void start_of_digest(uint8_t out[DIGEST_PART], struct slice encoded)
{
    for (size_t i = 0; i < DIGEST_PART; i++) {
        int high = 2 * i + 1 < encoded.len ? hex_value(encoded.at[2 * i]) : -1;
        int low = 2 * i + 1 < encoded.len ? hex_value(encoded.at[2 * i + 1]) : -1;
        if (high >= 0 && low >= 0)
            out[i] = (uint8_t)(high << 4 | low);
        else
            out[i] = i < encoded.len ? (uint8_t)encoded.at[i] : 0;
    }
}

static void set_hash(struct cache_key *key, uint64_t hash)
{
    for (int i = 0; i < 8; i++)
        key->bytes[i] = (uint8_t)(hash >> (56 - 8 * i));
}

struct cache_key cache_key(const uint8_t secret[SIPHASH_KEY_SIZE], const struct target *target,
                           int64_t generation, const struct object *object)
{
    char buffer[24 + OCI_NAME_MAX + OCI_DIGEST_MAX];
    struct text text = {.at = buffer, .size = sizeof buffer};
    struct cache_key key;

    text_add(&text, (struct slice){(const char *)&target->id, sizeof target->id});
    if (generation != 0)
        text_add(&text, (struct slice){(const char *)&generation, sizeof generation});
    if (target->kind == TARGET_UPSTREAM) {
        text_add(&text, object->endpoint == ENDPOINT_MANIFESTS ? SLICE("m") : SLICE("b"));
        text_add(&text, object->name);
    }
    TEXT_ADD(&text, "@"); /* in no name: where it ends is clear */
    text_add(&text, object->digest);
    set_hash(&key, siphash(secret, (struct slice){buffer, text.len}));
    start_of_digest(key.bytes + 8, oci_digest_encoded(object->digest));
    return cache_key_of_kind(key, HOLDING_PRESENT);
}
