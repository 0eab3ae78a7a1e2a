/* SPDX-License-Identifier: Apache-2.0 */
#include "state/index_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include "core/plain_file.h"

enum { RAW_MAX = INDEX_LIST_SIGNATURE_MAX / 4 * 3 };

struct index_key {
    EVP_PKEY *key;
};

/* NULL for one that is hashed by itself. */
static const EVP_MD *hash_for(const struct index_key *key)
{
    return EVP_PKEY_is_a(key->key, "ED25519") ? NULL : EVP_sha256();
}

static bool is_known_kind(EVP_PKEY *key)
{
    char curve[64] = "";
    size_t len = 0;

    if (EVP_PKEY_is_a(key, "ED25519"))
        return true;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve,
                                          &len) == 1 &&
           strcmp(curve, "prime256v1") == 0;
}

/* A key with a passphrase is refused, not asked for it at a terminal. */
static int no_passphrase(char *buffer, int size, int writes, void *context)
{
    (void)buffer, (void)size, (void)writes, (void)context;
    return -1;
}

static struct index_key *take(EVP_PKEY *found, const char *file, const char *kind, struct why *why)
{
    struct index_key *key = found && is_known_kind(found) ? malloc(sizeof *key) : NULL;

    if (key) {
        key->key = found;
        return key;
    }
    EVP_PKEY_free(found);
    why_not(why,
            "%s has no %s key in PEM form, of ECDSA P-256 or Ed25519 and without a passphrase.",
            file, kind);
    return NULL;
}

static struct index_key *read_key(const char *file, bool is_private, struct why *why)
{
    FILE *in = plain_file_stream(file);

    if (!in) {
        why_not(why, "%s cannot be read: %s.", file, plain_file_error(errno));
        return NULL;
    }
    EVP_PKEY *found = is_private ? PEM_read_PrivateKey(in, NULL, no_passphrase, NULL)
                                 : PEM_read_PUBKEY(in, NULL, no_passphrase, NULL);
    fclose(in);
    return take(found, file, is_private ? "private" : "public", why);
}

struct index_key *index_key_read_public(const char *file, struct why *why)
{
    return read_key(file, false, why);
}

struct index_key *index_key_read_private(const char *file, struct why *why)
{
    return read_key(file, true, why);
}

void index_key_free(struct index_key *key)
{
    if (key)
        EVP_PKEY_free(key->key);
    free(key);
}

/* EVP_DecodeBlock counts the padding as bytes. */
static bool decode(struct slice base64, unsigned char raw[RAW_MAX], size_t *len)
{
    size_t padding = slice_ends(base64, SLICE("==")) ? 2 : slice_ends(base64, SLICE("="));

    if (base64.len == 0 || base64.len % 4 != 0 || base64.len > INDEX_LIST_SIGNATURE_MAX)
        return false;
    int count = EVP_DecodeBlock(raw, (const unsigned char *)base64.at, (int)base64.len);
    if (count < (int)padding)
        return false;
    *len = (size_t)count - padding;
    return true;
}

bool index_key_verify(const struct index_key *key, struct slice bytes, struct slice signature)
{
    unsigned char raw[RAW_MAX];
    size_t len;
    EVP_MD_CTX *context = decode(signature, raw, &len) ? EVP_MD_CTX_new() : NULL;
    bool good =
        context && EVP_DigestVerifyInit(context, NULL, hash_for(key), NULL, key->key) == 1 &&
        EVP_DigestVerify(context, raw, len, (const unsigned char *)bytes.at, bytes.len) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

void index_key_write(const struct index_key *key, FILE *out)
{
    PEM_write_PUBKEY(out, key->key);
}

bool index_key_sign(const struct index_key *key, struct slice bytes,
                    char signature[INDEX_LIST_SIGNATURE_MAX + 1])
{
    unsigned char raw[RAW_MAX];
    size_t len = sizeof raw;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestSignInit(context, NULL, hash_for(key), NULL, key->key) == 1 &&
                EVP_DigestSign(context, raw, &len, (const unsigned char *)bytes.at, bytes.len) == 1;

    EVP_MD_CTX_free(context);
    if (good)
        EVP_EncodeBlock((unsigned char *)signature, raw, (int)len);
    return good;
}
