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

/* Reads up to len digits into value. */
static bool digits(struct slice *text, size_t len, int *value)
{
    *value = 0;
    if (text->len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        *value = *value * 10 + (text->at[i] - '0');
    }
    *text = slice_from(*text, len);
    return true;
}

static void separator(struct slice *text, const char *any)
{
    if (text->len && text->at[0] && strchr(any, text->at[0]))
        *text = slice_from(*text, 1);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, years from March on. */
static int64_t days_from_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = (month + 9) % 12; /* March is 0 */
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int64_t line_date(struct slice text)
{
    int year, month, day, hour, minute, second;
    if (!digits(&text, 4, &year))
        return 0;
    separator(&text, "-");
    if (!digits(&text, 2, &month))
        return 0;
    separator(&text, "-");
    if (!digits(&text, 2, &day) || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    int64_t date = 86400 * days_from_1970(year, month, day);
    separator(&text, "T- ");
    if (!digits(&text, 2, &hour))
        return date;
    separator(&text, ":-");
    if (!digits(&text, 2, &minute))
        return date;
    separator(&text, ":-");
    if (!digits(&text, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return date;
    return date + 3600 * hour + 60 * minute + second;
}
