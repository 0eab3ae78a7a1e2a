/* SPDX-License-Identifier: Apache-2.0 */
/* A self-published IP geolocation feed (RFC 8805): prefix,country,region,city,postal code. */
#include "ranges/lines.h"
#include "ranges/range_place.h"

/* The comments at the start are the only place for a date: the first one found counts. */
static void date_of_comment(struct range_list *list, struct slice comment)
{
    for (size_t i = 0; i + 10 <= comment.len; i++) {
        struct slice rest = slice_from(comment, i);
        int64_t date = rest.at[4] == '-' && rest.at[7] == '-' ? line_date(rest) : 0;
        if (date) {
            range_date(list, date);
            return;
        }
    }
}

/* A field that may stand in quotes, as in any CSV. */
static struct slice field(struct slice *line)
{
    struct slice value = line_field(line, ',');
    if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        value = slice_to(slice_from(value, 1), value.len - 2);
    return value;
}

/*
 * Fills the record of a line behind its prefix. A country may be empty or ZZ, "do
 * not locate" (RFC 8805, 2.1.1.2): such a prefix has no place, and hides what is
 * said of shorter ones.
 */
static bool read_place(const struct lines *lines, struct slice line, struct range_record *record,
                       struct range_error *error)
{
    char quoted[QUOTED_TEXT];
    struct slice country = field(&line);
    field(&line); /* the subdivision */
    struct slice city = field(&line);
    bool located = country.len && !slice_equal_nocase(country, SLICE("ZZ"));

    if (located && !range_place_country(record, country))
        return line_fail(lines, error,
                         "\"%s\" is not a country's two-letter code (ISO 3166-1); mend the file or "
                         "get it anew (nothing was written).",
                         range_quote(country, quoted));
    if (located && !range_place_city(record, city))
        return line_fail(lines, error,
                         "\"%s\" is not a city's name in UTF-8 of fewer than %d bytes.",
                         range_quote(city, quoted), RECORD_CITY);
    return true;
}

static bool read_line(struct range_list *list, const struct lines *lines, struct slice line,
                      struct range_error *error)
{
    struct range_record record = {0};
    struct prefix prefix;
    uint32_t number;

    if (!record_set(record.provider, sizeof record.provider, lines->input->provider))
        return range_fail(error, "The provider's name is longer than %d bytes.", RECORD_NAME - 1);
    return line_check(lines, line, error) && line_prefix(lines, field(&line), &prefix, error) &&
           read_place(lines, line, &record, error) && range_intern(list, &record, &number, error) &&
           range_add(list, &prefix, number, record.city[0] ? RANK_REGION : RANK_COUNTRY, error);
}

bool range_read_geofeed(struct range_list *list, const struct range_input *input,
                        struct range_error *error)
{
    struct lines lines = lines_of(input);
    struct slice line;

    while (lines_next(&lines, &line)) {
        if (line.len && line.at[0] == '#')
            date_of_comment(list, slice_to(line, line.len < 200 ? line.len : 200));
        else if (line.len && !read_line(list, &lines, line, error))
            return false;
    }
    return true;
}
