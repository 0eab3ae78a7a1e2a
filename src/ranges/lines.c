/* SPDX-License-Identifier: Apache-2.0 */
#include "ranges/lines.h"

/* Cuts off what stands before the separator, and the separator. */
static struct slice cut(struct slice *text, char separator)
{
    const char *end = text->len ? memchr(text->at, separator, text->len) : NULL;
    struct slice head = slice_to(*text, end ? (size_t)(end - text->at) : text->len);
    *text = slice_from(*text, end ? head.len + 1 : head.len);
    return head;
}

struct lines lines_of(const struct range_input *input)
{
    struct slice text = input->text;
    if (slice_starts(text, SLICE("\xef\xbb\xbf")))
        text = slice_from(text, 3);
    return (struct lines){input, text, 0};
}

bool lines_next(struct lines *lines, struct slice *line)
{
    if (!lines->rest.len)
        return false;
    *line = slice_trim(cut(&lines->rest, '\n'));
    lines->number++;
    return true;
}

struct slice line_field(struct slice *line, char separator)
{
    return slice_trim(cut(line, separator));
}

const char *range_quote(struct slice value, char text[QUOTED_TEXT])
{
    size_t len = 0;
    bool cut_short = value.len > QUOTED_TEXT - 4;
    size_t most = cut_short ? QUOTED_TEXT - 4 : value.len;
    for (; len < most; len++)
        text[len] = value.at[len] >= ' ' && value.at[len] < 0x7f ? value.at[len] : '?';
    memcpy(text + len, cut_short ? "..." : "", cut_short ? 4 : 1);
    return text;
}

bool line_check(const struct lines *lines, struct slice line, struct range_error *error)
{
    if (line.len <= LINE_MAX_BYTES)
        return true;
    return line_fail(lines, error,
                     "The line is longer than %d bytes; this is not a list of address ranges.",
                     LINE_MAX_BYTES);
}

bool line_prefix(const struct lines *lines, struct slice text, struct prefix *prefix,
                 struct range_error *error)
{
    char quoted[QUOTED_TEXT];
    const char *problem = prefix_parse(text, prefix);
    if (!problem)
        return true;
    return line_fail(lines, error,
                     "\"%s\" is %s; mend the file or get it anew (nothing was written).",
                     range_quote(text, quoted), problem);
}
