/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cmd/import/manifest.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBYAML
#include <yaml.h>

/* One document while it is searched. Its nodes are looked at in turn: aliases may make circles. */
struct search {
    yaml_document_t *document;
    struct archeio *archeio;
    struct why *why;
};

static struct slice scalar(struct search *search, int index)
{
    const yaml_node_t *node = yaml_document_get_node(search->document, index);

    if (!node || node->type != YAML_SCALAR_NODE)
        return (struct slice){NULL, 0};
    return (struct slice){(const char *)node->data.scalar.value, node->data.scalar.length};
}

static int setting_named(struct slice name)
{
    for (int i = 0; i < ARCHEIO_SETTINGS; i++)
        if (slice_equal(name, slice_of(archeio_names[i])))
            return i;
    return -1;
}

static bool set(struct search *search, const yaml_node_t *node, int setting, struct slice value)
{
    struct why why;

    if (archeio_set(search->archeio, (enum archeio_setting)setting, value, &why))
        return true;
    return why_not(search->why, "line %zu: %s", node->start_mark.line + 1, why.text);
}

/* { name: UPSTREAM_REGISTRY_ENDPOINT, value: … }, or { UPSTREAM_REGISTRY_ENDPOINT: … }. */
static bool read_mapping(struct search *search, const yaml_node_t *node)
{
    int named = -1;
    bool has_value = false;
    struct slice value = {NULL, 0};

    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        struct slice key = scalar(search, pair->key), content = scalar(search, pair->value);
        int setting = setting_named(key);
        if (setting >= 0 && content.at && !set(search, node, setting, content))
            return false;
        if (slice_equal(key, SLICE("name")))
            named = setting_named(content);
        if (slice_equal(key, SLICE("value")) && content.at) {
            value = content;
            has_value = true;
        }
    }
    if (named < 0 || named >= ARCHEIO_VARIABLES)
        return true;
    if (!has_value)
        return why_not(search->why,
                       "line %zu: the value of %s is not in the manifest: write it there in place "
                       "of valueFrom.",
                       node->start_mark.line + 1, archeio_names[named]);
    return set(search, node, named, value);
}

/* - UPSTREAM_REGISTRY_ENDPOINT=… */
static bool read_sequence(struct search *search, const yaml_node_t *node)
{
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        struct slice text = scalar(search, *item);
        const char *equals = text.len ? memchr(text.at, '=', text.len) : NULL;
        if (!equals)
            continue;
        size_t len = (size_t)(equals - text.at);
        int setting = setting_named(slice_to(text, len));
        if (setting >= 0 && !set(search, node, setting, slice_from(text, len + 1)))
            return false;
    }
    return true;
}

static bool read_document(struct search *search)
{
    for (const yaml_node_t *node = search->document->nodes.start;
         node < search->document->nodes.top; node++) {
        if (node->type == YAML_MAPPING_NODE && !read_mapping(search, node))
            return false;
        if (node->type == YAML_SEQUENCE_NODE && !read_sequence(search, node))
            return false;
    }
    return true;
}

static bool read_documents(struct archeio *archeio, yaml_parser_t *parser, struct why *why)
{
    for (;;) {
        yaml_document_t document;
        if (!yaml_parser_load(parser, &document))
            return why_not(why, "line %zu: this is no YAML: %s.", parser->problem_mark.line + 1,
                           parser->problem ? parser->problem : "it cannot be read");
        bool more = yaml_document_get_root_node(&document) != NULL;
        struct search search = {&document, archeio, why};
        bool good = !more || (archeio_begin(archeio, why) && read_document(&search));
        yaml_document_delete(&document);
        if (!good || !more)
            return good;
    }
}

bool manifest_read(struct archeio *archeio, FILE *in, struct why *why)
{
    unsigned char *text = malloc(MANIFEST_MAX);
    size_t len = text ? fread(text, 1, MANIFEST_MAX, in) : 0;
    yaml_parser_t parser;
    bool good;

    if (!text || !yaml_parser_initialize(&parser)) {
        free(text);
        return why_not(why, "there is not enough memory.");
    }
    yaml_parser_set_input_string(&parser, text, len);
    if (ferror(in) || len == MANIFEST_MAX)
        good = why_not(why, "it cannot be read, or is larger than %d bytes.", MANIFEST_MAX);
    else
        good = read_documents(archeio, &parser, why);
    yaml_parser_delete(&parser);
    free(text);
    return good;
}
#else
bool manifest_read(struct archeio *archeio, FILE *in, struct why *why)
{
    (void)archeio, (void)in;
    return why_not(why, "this build reads no manifests: it was made without libyaml. Set archeio's "
                        "variables in the environment, and name no file.");
}
#endif
