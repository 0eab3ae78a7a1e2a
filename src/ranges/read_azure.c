/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure: the service tags of
 * https://learn.microsoft.com/azure/virtual-network/service-tags-overview Only the tags
 * AzureCloud.<region> count: they have a region's networks, all services included. AzureCloud
 * itself is their sum.
 */
#include "config.h"
#ifdef HAVE_JANSSON
#include "ranges/read_json.h"

static bool read_tag(struct json_reader *reader, const json_t *tag)
{
    const json_t *properties = json_object_get(tag, "properties");
    const char *region = json_reader_string(reader, properties, "region");
    const json_t *prefixes =
        region ? json_reader_array(reader, properties, "addressPrefixes") : NULL;
    if (!prefixes || !json_reader_region(reader, region, NULL))
        return false;
    for (size_t i = 0; i < json_array_size(prefixes); i++) {
        const char *text = json_string_value(json_array_get(prefixes, i));
        if (!text)
            return range_fail(reader->error,
                              "%s: values[%zu].properties.addressPrefixes[%zu] is not text; the "
                              "file is not what it seems.",
                              reader->input->name, reader->index, i);
        if (!json_reader_prefix(reader, text))
            return false;
    }
    return true;
}

bool read_azure(struct json_reader *reader, const json_t *root)
{
    const json_t *tags = json_object_get(root, "values");
    reader->provider = "azure";
    reader->array = "values";
    for (reader->index = 0; reader->index < json_array_size(tags); reader->index++) {
        const json_t *tag = json_array_get(tags, reader->index);
        const char *name = json_reader_string(reader, tag, "name");
        if (!name)
            return false;
        if (slice_starts(slice_of(name), SLICE("AzureCloud.")) && !read_tag(reader, tag))
            return false;
    }
    return true;
}
#endif
