/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include "oci.h"

/* A descriptor's digest; empty if it has none. */
static struct slice digest_in(const json_t *descriptor)
{
    const json_t *text = json_object_get(descriptor, "digest");
    struct slice digest = {json_string_value(text), json_string_length(text)};

    return oci_is_digest(digest) ? digest : (struct slice){NULL, 0};
}

static void add(struct digest_set *set, const json_t *descriptor)
{
    struct slice digest = digest_in(descriptor);

    if (digest.len)
        digest_set_add(set, digest);
}

static bool add_all(struct digest_set *set, const json_t *list)
{
    if (json_array_size(list) > MANIFEST_PARTS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        add(set, json_array_get(list, i));
    return true;
}

static bool read_manifest(struct manifest *manifest, const json_t *json)
{
    const json_t *parts = json_object_get(json, "manifests");
    const json_t *config = json_object_get(json, "config");
    const json_t *layers = json_object_get(json, "layers");
    const json_t *blobs = json_object_get(json, "blobs"); /* of an artifact manifest */
    struct slice subject = digest_in(json_object_get(json, "subject"));

    if (subject.len)
        manifest->subject = strndup(subject.at, subject.len);
    manifest->is_index = json_is_array(parts);
    add(&manifest->content, config);
    return add_all(&manifest->parts, parts) && add_all(&manifest->content, layers) &&
           add_all(&manifest->content, blobs);
}

bool manifest_parse(struct manifest *manifest, struct slice text)
{
    json_t *json = json_loadb(text.at, text.len, 0, NULL);

    *manifest = (struct manifest){0};
    bool good = json_is_object(json) && read_manifest(manifest, json);
    json_decref(json);
    if (!good)
        manifest_clear(manifest);
    return good;
}

void manifest_clear(struct manifest *manifest)
{
    free(manifest->subject);
    digest_set_clear(&manifest->content);
    digest_set_clear(&manifest->parts);
    *manifest = (struct manifest){0};
}
