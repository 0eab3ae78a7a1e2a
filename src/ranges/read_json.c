/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "ranges/lines.h"

#ifndef HAVE_JANSSON
bool range_read_json(struct range_list *list, const struct range_input *input,
                     struct range_error *error)
{
    (void)list;
    return range_fail(error,
                      "%s is JSON, which this signpost was built without; install jansson (Debian: "
                      "libjansson-dev) and build it again.",
                      input->name);
}
#else

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include "ranges/range_place.h"

enum {
    WIDEST_IPV4 = 8, /* no cloud region has a network as wide as these */
    WIDEST_IPV6 = 16
};

/* Where reading stands: what goes into the list, and how to name it in messages. */
struct json_reader {
    struct range_list *list;
    const struct range_input *input;
    struct range_error *error;
    const char *provider;       /* "aws" */
    const char *array;          /* "prefixes" */
    size_t index;               /* in the array */
    struct range_record record; /* of the region last met */
    uint32_t number;
    int rank;
};

/* The line where a string stands first in the text: the parser keeps no positions. */
static unsigned long line_of(struct slice text, const char *string)
{
    size_t len = strlen(string);
    const char *found = NULL;
    for (struct slice rest = text; !found && rest.len > len + 1;) {
        const char *quote = memchr(rest.at, '"', rest.len - len - 1);
        if (!quote)
            break;
        rest = slice_from(rest, (size_t)(quote + 1 - rest.at));
        if (memcmp(rest.at, string, len) == 0 && rest.at[len] == '"')
            found = quote;
    }
    unsigned long line = 1;
    for (const char *at = text.at; found && at < found; at++)
        line += *at == '\n';
    return found ? line : 0;
}

/* "name: prefixes[3]: " or, if the value is found in the text, "name:17: prefixes[3]: ". */
static bool fail_at(struct json_reader *reader, const char *value, const char *problem)
{
    char quoted[QUOTED_TEXT], line[32] = "";
    unsigned long number = line_of(reader->input->text, value);
    if (number)
        snprintf(line, sizeof line, "%lu:", number);
    return range_fail(reader->error,
                      "%s:%s %s[%zu]: \"%s\" is %s; mend the file or get it anew (nothing was "
                      "written).",
                      reader->input->name, line, reader->array, reader->index,
                      range_quote(slice_of(value), quoted), problem);
}

/* The array member of an object, or NULL with the error filled. */
static const json_t *array_of(struct json_reader *reader, const json_t *object, const char *name)
{
    const json_t *array = json_object_get(object, name);
    if (json_is_array(array))
        return array;
    range_fail(reader->error, "%s: %s[%zu] has no list \"%s\"; the file is not what it seems.",
               reader->input->name, reader->array, reader->index, name);
    return NULL;
}

/* The string member of an object, or NULL with the error filled. */
static const char *string_of(struct json_reader *reader, const json_t *object, const char *name)
{
    const char *string = json_string_value(json_object_get(object, name));
    if (!string)
        range_fail(reader->error, "%s: %s[%zu] has no text \"%s\"; the file is not what it seems.",
                   reader->input->name, reader->array, reader->index, name);
    return string;
}

/*
 * Makes the record for what follows from a region's name and, with AWS, its border group (else
 * NULL). The region called global has the lowest rank.
 */
static bool begin_region(struct json_reader *reader, const char *region, const char *group)
{
    struct range_record *record = &reader->record;
    *record = (struct range_record){0};
    if (!range_place_region(record, slice_of(reader->provider), slice_of(region)))
        return fail_at(reader, region, "not a region's name");
    if (group && !range_place_border_group(record, slice_of(region), slice_of(group)))
        return fail_at(reader, group, "not a network border group's name");
    reader->rank = record->border_group[0] ? RANK_ZONE : RANK_REGION;
    if (strcasecmp(region, "global") == 0)
        reader->rank = RANK_GLOBAL;
    return range_intern(reader->list, record, &reader->number, reader->error);
}

/* Adds a prefix of that record. */
static bool add_prefix(struct json_reader *reader, const char *text)
{
    struct prefix prefix;
    const char *problem = prefix_parse(slice_of(text), &prefix);
    if (!problem && prefix.bits < (prefix_is_ipv4(&prefix) ? IPV4_BITS + WIDEST_IPV4 : WIDEST_IPV6))
        problem = "far too wide a network for one region";
    if (problem)
        return fail_at(reader, text, problem);
    return range_add(reader->list, &prefix, reader->number, reader->rank, reader->error);
}

/* Takes the date that the file states, if it does. */
static void take_date(struct json_reader *reader, const json_t *root, const char *name)
{
    range_date(reader->list, line_date(slice_of(json_string_value(json_object_get(root, name)))));
}

/* ---- AWS ---- */

/* AWS: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html */

static bool read_entry_aws(struct json_reader *reader, const json_t *entry, const char *key)
{
    const char *text = string_of(reader, entry, key);
    const char *region = text ? string_of(reader, entry, "region") : NULL;
    const char *group = json_string_value(json_object_get(entry, "network_border_group"));
    return region && begin_region(reader, region, group) && add_prefix(reader, text);
}

static bool read_family_aws(struct json_reader *reader, const json_t *root, const char *array,
                            const char *key)
{
    const json_t *entries = json_object_get(root, array);
    reader->array = array;
    for (reader->index = 0; reader->index < json_array_size(entries); reader->index++)
        if (!read_entry_aws(reader, json_array_get(entries, reader->index), key))
            return false;
    return true;
}

static bool read_aws(struct json_reader *reader, const json_t *root)
{
    reader->provider = "aws";
    take_date(reader, root, "createDate");
    return read_family_aws(reader, root, "prefixes", "ip_prefix") &&
           read_family_aws(reader, root, "ipv6_prefixes", "ipv6_prefix");
}

/* ---- Google Cloud ---- */

/* Google Cloud: cloud.json of https://support.google.com/a/answer/10026322 */

static bool read_entry_google(struct json_reader *reader, const json_t *entry)
{
    const char *text = json_string_value(json_object_get(entry, "ipv6Prefix"));
    if (!text)
        text = string_of(reader, entry, "ipv4Prefix");
    /* goog.json, of all Google's networks, has no scope and would be wrong here. */
    const char *scope = text ? string_of(reader, entry, "scope") : NULL;
    return scope && begin_region(reader, scope, NULL) && add_prefix(reader, text);
}

static bool read_google(struct json_reader *reader, const json_t *root)
{
    const json_t *entries = json_object_get(root, "prefixes");
    reader->provider = "gcp";
    reader->array = "prefixes";
    take_date(reader, root, "creationTime");
    for (reader->index = 0; reader->index < json_array_size(entries); reader->index++)
        if (!read_entry_google(reader, json_array_get(entries, reader->index)))
            return false;
    return true;
}

/* ---- Azure ---- */

/*
 * Azure: the service tags of
 * https://learn.microsoft.com/azure/virtual-network/service-tags-overview Only the tags
 * AzureCloud.<region> count: they have a region's networks, all services included. AzureCloud
 * itself is their sum.
 */

static bool read_tag_azure(struct json_reader *reader, const json_t *tag)
{
    const json_t *properties = json_object_get(tag, "properties");
    const char *region = string_of(reader, properties, "region");
    const json_t *prefixes = region ? array_of(reader, properties, "addressPrefixes") : NULL;
    if (!prefixes || !begin_region(reader, region, NULL))
        return false;
    for (size_t i = 0; i < json_array_size(prefixes); i++) {
        const char *text = json_string_value(json_array_get(prefixes, i));
        if (!text)
            return range_fail(reader->error,
                              "%s: values[%zu].properties.addressPrefixes[%zu] is not text; the "
                              "file is not what it seems.",
                              reader->input->name, reader->index, i);
        if (!add_prefix(reader, text))
            return false;
    }
    return true;
}

static bool read_azure(struct json_reader *reader, const json_t *root)
{
    const json_t *tags = json_object_get(root, "values");
    reader->provider = "azure";
    reader->array = "values";
    for (reader->index = 0; reader->index < json_array_size(tags); reader->index++) {
        const json_t *tag = json_array_get(tags, reader->index);
        const char *name = string_of(reader, tag, "name");
        if (!name)
            return false;
        if (slice_starts(slice_of(name), SLICE("AzureCloud.")) && !read_tag_azure(reader, tag))
            return false;
    }
    return true;
}

/* ---- Oracle ---- */

/* Oracle: https://docs.oracle.com/iaas/Content/General/Concepts/addressranges.htm */

static bool read_region_oracle(struct json_reader *reader, const json_t *region)
{
    const char *name = string_of(reader, region, "region");
    const json_t *cidrs = name ? array_of(reader, region, "cidrs") : NULL;
    if (!cidrs || !begin_region(reader, name, NULL))
        return false;
    for (size_t i = 0; i < json_array_size(cidrs); i++) {
        const char *text = string_of(reader, json_array_get(cidrs, i), "cidr");
        if (!text || !add_prefix(reader, text))
            return false;
    }
    return true;
}

static bool read_oracle(struct json_reader *reader, const json_t *root)
{
    const json_t *regions = json_object_get(root, "regions");
    reader->provider = "oracle";
    reader->array = "regions";
    take_date(reader, root, "last_updated_timestamp");
    for (reader->index = 0; reader->index < json_array_size(regions); reader->index++)
        if (!read_region_oracle(reader, json_array_get(regions, reader->index)))
            return false;
    return true;
}

/* ---- any of them ---- */

/* Which provider's file this is, by what only that one has. */
static enum range_format which(const json_t *root)
{
    const json_t *first = json_array_get(json_object_get(root, "prefixes"), 0);
    if (json_is_array(json_object_get(root, "values")))
        return FORMAT_AZURE;
    if (json_is_array(json_object_get(root, "regions")))
        return FORMAT_ORACLE;
    if (json_object_get(first, "ipv4Prefix") || json_object_get(first, "ipv6Prefix"))
        return FORMAT_GOOGLE;
    return json_is_array(json_object_get(root, "prefixes")) ? FORMAT_AWS : FORMAT_UNKNOWN;
}

static bool dispatch(struct json_reader *reader, const json_t *root)
{
    enum range_format format = which(root), wanted = reader->input->format;
    if (wanted && json_is_object(root))
        format = wanted;
    switch (format) {
    case FORMAT_AWS:
        return read_aws(reader, root);
    case FORMAT_GOOGLE:
        return read_google(reader, root);
    case FORMAT_AZURE:
        return read_azure(reader, root);
    case FORMAT_ORACLE:
        return read_oracle(reader, root);
    default:
        return range_fail(reader->error,
                          "%s is JSON, but not the address ranges of AWS, Google, Azure or Oracle.",
                          reader->input->name);
    }
}

bool range_read_json(struct range_list *list, const struct range_input *input,
                     struct range_error *error)
{
    struct json_reader reader = {.list = list, .input = input, .error = error};
    struct slice text = lines_of(input).rest;
    json_error_t at;

    if (text.len > INPUT_JSON_MAX)
        return range_fail(error, "%s is larger than %d MB, too large for a list of address ranges.",
                          input->name, INPUT_JSON_MAX / 1024 / 1024);
    errno = 0;
    json_t *root = json_loadb(text.at, text.len, 0, &at);
    if (!root && errno == ENOMEM) /* jansson may call it a mistake in the text */
        return range_fail(error, "There is not enough memory to read %s.", input->name);
    if (!root)
        return range_fail(error,
                          "%s:%d:%d: This is not right JSON (%s); get the file anew (nothing was "
                          "written).",
                          input->name, at.line, at.column, at.text);
    bool done = dispatch(&reader, root);
    json_decref(root);
    return done;
}
#endif
