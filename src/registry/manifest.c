/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "parse/oci.h"

/* A descriptor's digest; empty if it has none. */
static struct slice digest_in(const json_t *descriptor)
{
    const json_t *text = json_object_get(descriptor, "digest");
    struct slice digest = {json_string_value(text), json_string_length(text)};

    return oci_is_digest(digest) ? digest : (struct slice){NULL, 0};
}

static bool add(struct manifest *manifest, const json_t *json, bool is_manifest)
{
    struct slice digest = digest_in(json);
    const json_t *size = json_object_get(json, "size");

    if (!digest.len)
        return true;
    if (manifest->count == manifest->room) {
        size_t room = manifest->room ? 2 * manifest->room : 16;
        struct descriptor *list = realloc(manifest->list, room * sizeof *list);
        if (!list)
            return false;
        manifest->list = list;
        manifest->room = room;
    }
    struct descriptor told = {.digest = strndup(digest.at, digest.len),
                              .size = json_integer_value(size) >= 0 && json_is_integer(size)
                                          ? json_integer_value(size)
                                          : -1,
                              .is_manifest = is_manifest};
    if (!told.digest)
        return false;
    manifest->list[manifest->count++] = told;
    digest_set_add(is_manifest ? &manifest->parts : &manifest->content, digest);
    return true;
}

static bool add_all(struct manifest *manifest, const json_t *list, bool are_manifests)
{
    if (json_array_size(list) > MANIFEST_PARTS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!add(manifest, json_array_get(list, i), are_manifests))
            return false;
    return true;
}

/* Notes which parts of an index are indexes themselves. */
static void note_indexes(struct digest_set *indexes, const json_t *parts)
{
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const char *type = json_string_value(json_object_get(part, "mediaType"));
        if (type && digest_in(part).len &&
            (strcmp(type, "application/vnd.oci.image.index.v1+json") == 0 ||
             strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0))
            digest_set_add(indexes, digest_in(part));
    }
}

static bool note_layers(struct digest_set *set, const json_t *layers)
{
    for (size_t i = 0; i < json_array_size(layers); i++) {
        char digest[DIGEST_SHA256_TEXT];
        char *text =
            json_dumps(json_array_get(layers, i), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        if (!text)
            return false;
        bool made = digest_of(slice_of(text), digest);
        free(text);
        if (!made)
            return false;
        digest_set_add(set, slice_of(digest));
    }
    return true;
}

/* False without memory. */
static bool note_type(struct manifest *manifest, const json_t *json, const json_t *config)
{
    const char *type = json_string_value(json_object_get(json, "artifactType"));

    if (!type || !*type)
        type = json_string_value(json_object_get(config, "mediaType"));
    manifest->type = type ? strdup(type) : NULL;
    return manifest->type || !type;
}

static bool is_starved(const struct manifest *manifest)
{
    return manifest->content.starved || manifest->parts.starved || manifest->indexes.starved ||
           manifest->layers.starved;
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
    note_indexes(&manifest->indexes, parts);
    return (manifest->subject || !subject.len) && note_type(manifest, json, config) &&
           add(manifest, config, false) && add_all(manifest, parts, true) &&
           add_all(manifest, layers, false) && add_all(manifest, blobs, false) &&
           note_layers(&manifest->layers, layers) && !is_starved(manifest);
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
    free(manifest->type);
    digest_set_clear(&manifest->content);
    digest_set_clear(&manifest->parts);
    digest_set_clear(&manifest->indexes);
    digest_set_clear(&manifest->layers);
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->list[i].digest);
    free(manifest->list);
    *manifest = (struct manifest){0};
}

enum registry_outcome manifest_get(struct registry_client *client, struct slice name,
                                   struct slice reference, struct manifest *manifest,
                                   const struct http_response **response, struct why *why)
{
    enum registry_outcome outcome =
        registry_get(client, name, REGISTRY_MANIFEST, reference, response, why);

    if (outcome != REGISTRY_FOUND || manifest_parse(manifest, (*response)->body))
        return outcome;
    why_not(why, "what stands at %.*s is no manifest", (int)reference.len, reference.at);
    return REGISTRY_FAILED;
}
