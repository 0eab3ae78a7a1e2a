/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"
#include "parse/oci.h"
#include <stdlib.h>
#include <string.h>

enum { TELL_MS = 20 * 1000 };

struct use {
    bool used;        /* since the prober was last told */
    uint64_t tell_at; /* not before */
    uint32_t objects; /* seen since then; one of them is kept */
    uint8_t endpoint;
    uint16_t name_len, digest_len; /* 0: none */
    char text[OCI_NAME_MAX + OCI_DIGEST_MAX];
};

struct usage {
    const struct config *config;
    uint64_t random;
    struct use use[]; /* one a target */
};

struct usage *usage_new(const struct config *config, uint64_t seed)
{
    struct usage *usage = calloc(1, sizeof *usage + config->target_count * sizeof *usage->use);
    if (!usage)
        return NULL;
    usage->config = config;
    usage->random = seed | 1;
    return usage;
}

void usage_free(struct usage *usage)
{
    free(usage);
}

/* Whether the n-th object takes the place of the one that is kept: each is kept as likely. */
static bool is_drawn(struct usage *usage, uint32_t n)
{
    usage->random ^= usage->random << 13;
    usage->random ^= usage->random >> 7;
    usage->random ^= usage->random << 17;
    return n <= 1 || usage->random % n == 0;
}

/* What the prober takes: manifests and blobs by digest, not what is asked for their referrers. */
static bool can_be_asked(const struct object *object)
{
    return (object->endpoint == ENDPOINT_MANIFESTS || object->endpoint == ENDPOINT_BLOBS) &&
           oci_is_name(object->name) && oci_is_digest(object->digest) &&
           object->digest.len <= OCI_DIGEST_MAX && oci_is_probeable(object->digest);
}

static void keep(struct use *use, const struct object *object)
{
    use->endpoint = (uint8_t)object->endpoint;
    use->name_len = (uint16_t)object->name.len;
    use->digest_len = (uint16_t)object->digest.len;
    memcpy(use->text, object->name.at, object->name.len);
    memcpy(use->text + object->name.len, object->digest.at, object->digest.len);
}

void usage_note(struct usage *usage, const struct target *target, const struct object *object)
{
    struct use *use = &usage->use[target - usage->config->targets];
    use->used = true;
    if (!object || !can_be_asked(object))
        return;
    use->objects += use->objects < UINT32_MAX;
    if (is_drawn(usage, use->objects))
        keep(use, object);
}

static bool tell(const struct usage *usage, size_t i, struct asker *asker, uint64_t now)
{
    const struct use *use = &usage->use[i];
    struct object object = {.endpoint = (enum endpoint)use->endpoint,
                            .name = {use->text, use->name_len},
                            .digest = {use->text + use->name_len, use->digest_len}};
    return asker_note_use(asker, &usage->config->targets[i], use->digest_len ? &object : NULL, now);
}

void usage_tell(struct usage *usage, struct asker *asker, uint64_t now)
{
    for (size_t i = 0; i < usage->config->target_count; i++) {
        struct use *use = &usage->use[i];
        if (!use->used || now < use->tell_at)
            continue;
        if (!tell(usage, i, asker, now))
            return; /* there is no prober, or no room: later */
        use->used = false;
        use->tell_at = now + TELL_MS;
        use->objects = 0;
        use->digest_len = 0;
    }
}

void usage_tell_again(struct usage *usage)
{
    for (size_t i = 0; i < usage->config->target_count; i++)
        usage->use[i].tell_at = 0;
}
