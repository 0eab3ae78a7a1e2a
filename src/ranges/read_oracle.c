/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: https://docs.oracle.com/iaas/Content/General/Concepts/addressranges.htm */
#include "config.h"
#ifdef HAVE_JANSSON
#include "ranges/read_json.h"

static bool read_region(struct json_reader *reader, const json_t *region)
{
    const char *name = json_reader_string(reader, region, "region");
    const json_t *cidrs = name ? json_reader_array(reader, region, "cidrs") : NULL;
    if (!cidrs || !json_reader_region(reader, name, NULL))
        return false;
    for (size_t i = 0; i < json_array_size(cidrs); i++) {
        const char *text = json_reader_string(reader, json_array_get(cidrs, i), "cidr");
        if (!text || !json_reader_prefix(reader, text))
            return false;
    }
    return true;
}

bool read_oracle(struct json_reader *reader, const json_t *root)
{
    const json_t *regions = json_object_get(root, "regions");
    reader->provider = "oracle";
    reader->array = "regions";
    json_reader_date(reader, root, "last_updated_timestamp");
    for (reader->index = 0; reader->index < json_array_size(regions); reader->index++)
        if (!read_region(reader, json_array_get(regions, reader->index)))
            return false;
    return true;
}
#endif
