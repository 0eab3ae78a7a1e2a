/* SPDX-License-Identifier: Apache-2.0 */
/* Google Cloud: cloud.json of https://support.google.com/a/answer/10026322 */
#include "config.h"
#ifdef HAVE_JANSSON
#include "ranges/read_json.h"

static bool read_entry(struct json_reader *reader, const json_t *entry)
{
    const char *text = json_string_value(json_object_get(entry, "ipv6Prefix"));
    if (!text)
        text = json_reader_string(reader, entry, "ipv4Prefix");
    /* goog.json, of all Google's networks, has no scope and would be wrong here. */
    const char *scope = text ? json_reader_string(reader, entry, "scope") : NULL;
    return scope && json_reader_region(reader, scope, NULL) && json_reader_prefix(reader, text);
}

bool read_google(struct json_reader *reader, const json_t *root)
{
    const json_t *entries = json_object_get(root, "prefixes");
    reader->provider = "gcp";
    reader->array = "prefixes";
    json_reader_date(reader, root, "creationTime");
    for (reader->index = 0; reader->index < json_array_size(entries); reader->index++)
        if (!read_entry(reader, json_array_get(entries, reader->index)))
            return false;
    return true;
}
#endif
