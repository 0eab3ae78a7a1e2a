/* SPDX-License-Identifier: Apache-2.0 */
#include "ranges/lines.h"

static const char *const names[] = {
    [FORMAT_UNKNOWN] = "unknown", [FORMAT_AWS] = "aws",       [FORMAT_GOOGLE] = "google",
    [FORMAT_AZURE] = "azure",     [FORMAT_ORACLE] = "oracle", [FORMAT_GEOFEED] = "geofeed",
    [FORMAT_LIST] = "list",       [FORMAT_RIR] = "rir",
};

enum range_format range_format_named(struct slice name)
{
    for (int format = FORMAT_AWS; format <= FORMAT_RIR; format++)
        if (slice_equal(name, slice_of(names[format])))
            return (enum range_format)format;
    return FORMAT_UNKNOWN;
}

const char *range_format_name(enum range_format format)
{
    return names[format];
}

/* Files that people pass by mistake, and what to do instead; NULL if it is none of them. */
static const char *wrong_file(struct slice text)
{
    if (!text.len)
        return "is empty";
    if (slice_starts(text, SLICE("\x1f\x8b")))
        return "is compressed; unpack it first (gunzip -k)";
    if (slice_starts(text, SLICE("PK\x03\x04")))
        return "is a zip archive; unpack it first";
    if (slice_starts(text, SLICE("<")))
        return "is a web page or XML, not a list of address ranges; get the file itself";
    if (memchr(text.at, 0, text.len))
        return "is a binary file, not a list of address ranges";
    return NULL;
}

/* By the first line that says anything. */
static enum range_format detect(const struct range_input *input)
{
    struct lines lines = lines_of(input);
    struct slice line;
    while (lines_next(&lines, &line)) {
        if (!line.len || line.at[0] == '#')
            continue;
        if (line.at[0] == '{' || line.at[0] == '[')
            return FORMAT_AWS; /* JSON: the reader finds out which */
        if (memchr(line.at, '|', line.len))
            return FORMAT_RIR;
        return memchr(line.at, ',', line.len) ? FORMAT_GEOFEED : FORMAT_LIST;
    }
    return FORMAT_LIST;
}

static bool read_as(enum range_format format, struct range_list *list,
                    const struct range_input *input, struct range_error *error)
{
    switch (format) {
    case FORMAT_GEOFEED:
        return range_read_geofeed(list, input, error);
    case FORMAT_LIST:
        return range_read_list(list, input, error);
    case FORMAT_RIR:
        return range_read_rir(list, input, error);
    default:
        return range_read_json(list, input, error);
    }
}

bool range_read(struct range_list *list, const struct range_input *input, struct range_error *error)
{
    size_t before = list->count;
    const char *wrong = wrong_file(input->text);
    if (wrong)
        return range_fail(error, "%s %s.", input->name, wrong);
    if (input->text.len > INPUT_MAX)
        return range_fail(error, "%s is larger than %d MB, too large for a list of address ranges.",
                          input->name, INPUT_MAX / 1024 / 1024);
    enum range_format format = input->format ? input->format : detect(input);
    if (input->place && !input->format)
        format = FORMAT_LIST;
    if (!read_as(format, list, input, error))
        return false;
    if (list->count == before)
        return range_fail(error, "%s has no prefix with a place; check that it is the right file.",
                          input->name);
    return true;
}
