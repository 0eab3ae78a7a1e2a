/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delegated statistics of the regional internet registries, plain or
 * extended: which address blocks they gave to whom in which country.
 *
 * Format: https://www.apnic.net/about-apnic/corporate-documents/documents/
 * resource-guidelines/rir-statistics-exchange-format/
 */
#include "ranges/lines.h"
#include "ranges/range_place.h"

enum { FIELDS = 7 };

/* registry|cc|type|start|value|date|status and more */
struct rir_line {
    struct slice registry, country, type, start, value, date, status;
};

static struct rir_line split(struct slice line)
{
    struct slice field[FIELDS];
    for (int i = 0; i < FIELDS; i++)
        field[i] = line_field(&line, '|');
    return (struct rir_line){field[0], field[1], field[2], field[3], field[4], field[5], field[6]};
}

static bool number(struct slice text, uint64_t most, uint64_t *value)
{
    uint64_t sum = 0;
    if (!text.len || text.len > 10)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text.at[i] - '0');
    }
    *value = sum;
    return sum <= most;
}

static bool add_ipv4_block(struct range_list *list, uint64_t start, uint64_t size, uint32_t record,
                           struct range_error *error)
{
    struct prefix prefix = {.bits = 128};
    for (uint64_t rest = size; rest > 1; rest /= 2)
        prefix.bits--;
    for (int i = 0; i < 4; i++)
        prefix.address[12 + i] = (uint8_t)(start >> (24 - 8 * i));
    return range_add(list, &prefix, record, RANK_COUNTRY, error);
}

/* A count of addresses need not be a power of two: it is cut into the fewest prefixes. */
static bool add_ipv4(struct range_list *list, const struct lines *lines,
                     const struct rir_line *fields, uint32_t record, struct range_error *error)
{
    char quoted[QUOTED_TEXT];
    struct prefix first;
    uint64_t count, start = 0;
    if (!line_prefix(lines, fields->start, &first, error))
        return false;
    for (int i = 12; i < 16; i++)
        start = start << 8 | first.address[i];
    if (!prefix_is_ipv4(&first) || first.bits != 128 ||
        !number(fields->value, 0x100000000u - start, &count) || !count)
        return line_fail(lines, error, "\"%s\" is not a count of IPv4 addresses from there on.",
                         range_quote(fields->value, quoted));
    while (count) {
        uint64_t size = start ? start & -start : 0x100000000u;
        while (size > count)
            size /= 2;
        if (!add_ipv4_block(list, start, size, record, error))
            return false;
        start += size;
        count -= size;
    }
    return true;
}

static bool add_ipv6(struct range_list *list, const struct lines *lines,
                     const struct rir_line *fields, uint32_t record, struct range_error *error)
{
    char text[64];
    struct prefix prefix;
    size_t len = fields->start.len + 1 + fields->value.len;
    if (fields->start.len > 46 || fields->value.len > 3)
        return line_fail(lines, error, "The start or the length is too long for an %s prefix.",
                         "IPv6");
    memcpy(text, fields->start.at, fields->start.len);
    text[fields->start.len] = '/';
    memcpy(text + fields->start.len + 1, fields->value.at, fields->value.len);
    return line_prefix(lines, (struct slice){text, len}, &prefix, error) &&
           range_add(list, &prefix, record, RANK_COUNTRY, error);
}

static bool is_given_out(struct slice status)
{
    return slice_equal(status, SLICE("allocated")) || slice_equal(status, SLICE("assigned"));
}

/* Codes that mean no one country: ZZ unknown, AP the whole of Asia and the Pacific. */
static bool has_no_country(struct slice code)
{
    return !code.len || slice_equal(code, SLICE("ZZ")) || slice_equal(code, SLICE("AP")) ||
           slice_equal(code, SLICE("*"));
}

static bool read_block(struct range_list *list, const struct lines *lines,
                       const struct rir_line *fields, struct range_error *error)
{
    struct range_record record = {0};
    char quoted[QUOTED_TEXT];
    uint32_t where;
    bool ipv4 = slice_equal(fields->type, SLICE("ipv4"));

    if (!ipv4 && !slice_equal(fields->type, SLICE("ipv6")))
        return true; /* numbers of autonomous systems */
    if (!is_given_out(fields->status) || has_no_country(fields->country)) {
        list->passed_over++;
        return true;
    }
    if (!range_place_country(&record, fields->country))
        return line_fail(lines, error,
                         "\"%s\" is not a country's two-letter code (ISO 3166-1); mend the file or "
                         "get it anew (nothing was written).",
                         range_quote(fields->country, quoted));
    if (!range_intern(list, &record, &where, error))
        return false;
    return ipv4 ? add_ipv4(list, lines, fields, where, error)
                : add_ipv6(list, lines, fields, where, error);
}

/* version|registry|serial|records|startdate|enddate|UTCoffset: the first line. */
static bool read_version(struct range_list *list, const struct lines *lines, struct slice line,
                         struct range_error *error)
{
    char quoted[QUOTED_TEXT];
    struct rir_line fields = split(line);
    if (!slice_equal(fields.registry, SLICE("2")) && !slice_starts(fields.registry, SLICE("2.")))
        return line_fail(lines, error,
                         "\"%s\" is not a version of the registries' statistics that is known (2); "
                         "the file must begin with its version line.",
                         range_quote(fields.registry, quoted));
    range_date(list, line_date(fields.date));
    return true;
}

bool range_read_rir(struct range_list *list, const struct range_input *input,
                    struct range_error *error)
{
    struct lines lines = lines_of(input);
    struct slice line;
    bool versioned = false;

    while (lines_next(&lines, &line)) {
        if (!line.len || line.at[0] == '#')
            continue;
        if (!line_check(&lines, line, error))
            return false;
        struct rir_line fields = split(line);
        bool right = versioned ? read_block(list, &lines, &fields, error)
                               : read_version(list, &lines, line, error);
        if (!right)
            return false;
        versioned = true;
    }
    return true;
}
