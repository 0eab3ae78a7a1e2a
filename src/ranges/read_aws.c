/* SPDX-License-Identifier: Apache-2.0 */
/* AWS: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html */
#include "config.h"
#ifdef HAVE_JANSSON
#include "ranges/read_json.h"

static bool read_entry(struct json_reader *reader, const json_t *entry, const char *key)
{
    const char *text = json_reader_string(reader, entry, key);
    const char *region = text ? json_reader_string(reader, entry, "region") : NULL;
    const char *group = json_string_value(json_object_get(entry, "network_border_group"));
    return region && json_reader_region(reader, region, group) && json_reader_prefix(reader, text);
}

static bool read_family(struct json_reader *reader, const json_t *root, const char *array,
                        const char *key)
{
    const json_t *entries = json_object_get(root, array);
    reader->array = array;
    for (reader->index = 0; reader->index < json_array_size(entries); reader->index++)
        if (!read_entry(reader, json_array_get(entries, reader->index), key))
            return false;
    return true;
}

bool read_aws(struct json_reader *reader, const json_t *root)
{
    reader->provider = "aws";
    json_reader_date(reader, root, "createDate");
    return read_family(reader, root, "prefixes", "ip_prefix") &&
           read_family(reader, root, "ipv6_prefixes", "ipv6_prefix");
}
#endif
