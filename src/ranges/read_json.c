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

#include <stdlib.h>
#include "ranges/range_place.h"
#include "ranges/read_json.h"

enum {
    WIDEST_IPV4 = 8, /* no cloud region has a network as wide as these */
    WIDEST_IPV6 = 16
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

const json_t *json_reader_array(struct json_reader *reader, const json_t *object, const char *name)
{
    const json_t *array = json_object_get(object, name);
    if (json_is_array(array))
        return array;
    range_fail(reader->error, "%s: %s[%zu] has no list \"%s\"; the file is not what it seems.",
               reader->input->name, reader->array, reader->index, name);
    return NULL;
}

const char *json_reader_string(struct json_reader *reader, const json_t *object, const char *name)
{
    const char *string = json_string_value(json_object_get(object, name));
    if (!string)
        range_fail(reader->error, "%s: %s[%zu] has no text \"%s\"; the file is not what it seems.",
                   reader->input->name, reader->array, reader->index, name);
    return string;
}

bool json_reader_region(struct json_reader *reader, const char *region, const char *group)
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

bool json_reader_prefix(struct json_reader *reader, const char *text)
{
    struct prefix prefix;
    const char *problem = prefix_parse(slice_of(text), &prefix);
    if (!problem && prefix.bits < (prefix_is_ipv4(&prefix) ? IPV4_BITS + WIDEST_IPV4 : WIDEST_IPV6))
        problem = "far too wide a network for one region";
    if (problem)
        return fail_at(reader, text, problem);
    return range_add(reader->list, &prefix, reader->number, reader->rank, reader->error);
}

void json_reader_date(struct json_reader *reader, const json_t *root, const char *name)
{
    range_date(reader->list,
               range_parse_date(slice_of(json_string_value(json_object_get(root, name)))));
}

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
    json_t *root = json_loadb(text.at, text.len, 0, &at);
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
