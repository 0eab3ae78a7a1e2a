/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "core/utf8.h"
#include "place/place.h"
#include "ranges/range_place.h"

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!name_byte(name.at[i]))
            return false;
    return name.len > 0 && name.len < RECORD_NAME;
}

/* The table has single precision of four decimals; this gets the decimals back. */
static double four_decimals(float degrees)
{
    double scaled = (double)degrees * 1e4;
    return (double)(long)(scaled < 0 ? scaled - 0.5 : scaled + 0.5) / 1e4;
}

/* A country's or continent's code: "FR" of "FR", "SA" of "continent:SA". */
static void set_code(char field[3], place_index index)
{
    const struct place_fact *fact = place_fact(NULL, index);
    size_t len = fact ? strlen(fact->key) : 0;
    if (len >= 2)
        memcpy(field, fact->key + len - 2, 3);
}

static void set_point(struct range_record *record, const struct place_fact *fact)
{
    if (!fact->has_point)
        return;
    record->has_point = true;
    record->latitude = four_decimals(fact->latitude);
    record->longitude = four_decimals(fact->longitude);
}

static void set_region_fact(struct range_record *record, const struct place_fact *fact)
{
    set_code(record->country, fact->country);
    set_code(record->continent, fact->continent);
    record_set(record->city, sizeof record->city, slice_of(fact->name));
    set_point(record, fact);
}

static const struct place_fact *find_region(struct slice provider, struct slice name)
{
    char key[2 * RECORD_NAME];
    struct slice whole = {key, provider.len + 1 + name.len};
    memcpy(key, provider.at, provider.len);
    key[provider.len] = ':';
    memcpy(key + provider.len + 1, name.at, name.len);
    const struct place_fact *fact = place_fact(NULL, place_find(NULL, whole, CODE_IS_COUNTRY));
    return fact && fact->kind == PLACE_REGION ? fact : NULL;
}

bool range_place_region(struct range_record *record, struct slice provider, struct slice region)
{
    if (!is_name(provider) || !is_name(region))
        return false;
    const struct place_fact *fact = find_region(provider, region);
    record_set(record->provider, sizeof record->provider, provider);
    record_set(record->region, sizeof record->region,
               fact ? slice_of(strchr(fact->key, ':') + 1) : region);
    if (fact)
        set_region_fact(record, fact);
    return true;
}

bool range_place_border_group(struct range_record *record, struct slice region, struct slice group)
{
    if (!is_name(group))
        return false;
    if (slice_equal(region, group))
        return true;
    record_set(record->border_group, sizeof record->border_group, group);
    const struct place_fact *fact = find_region(slice_of(record->provider), group);
    if (fact)
        set_region_fact(record, fact);
    return true;
}

bool range_place_country(struct range_record *record, struct slice code)
{
    bool letters = code.len == 2;
    for (size_t i = 0; i < code.len && letters; i++)
        letters = (code.at[i] | 0x20) >= 'a' && (code.at[i] | 0x20) <= 'z';
    if (!letters)
        return false;
    const struct place_fact *fact = place_fact(NULL, place_find(NULL, code, CODE_IS_COUNTRY));
    if (!fact || fact->kind == PLACE_REGION)
        return false;
    set_code(record->country, fact->country);
    set_code(record->continent, fact->continent);
    return true;
}

/* The plain letter of U+00C0 to U+00FF, or 0: enough for the cities in the table. */
static char plain_letter(unsigned char second)
{
    static const char letters[] = "aaaaaa\0ceeeeiiii\0nooooo\0ouuuuy\0\0";
    return second >= 0x80 && second <= 0xbf ? letters[second & 0x1f] : 0;
}

/* Takes the next letter, small and without accent. 0 at the end. */
static char next_letter(struct slice *text)
{
    if (!text->len)
        return 0;
    char c = text->at[0];
    *text = slice_from(*text, 1);
    if ((unsigned char)c == 0xc3 && text->len) {
        char plain = plain_letter((unsigned char)text->at[0]);
        if (plain) {
            *text = slice_from(*text, 1);
            return plain;
        }
    }
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* "Sao Paulo" is "São Paulo", and "Frankfurt" is "Frankfurt am Main". */
static bool same_city(struct slice city, struct slice known)
{
    char a, b;
    do {
        a = next_letter(&city);
        b = next_letter(&known);
    } while (a && a == b);
    return a == 0 && (b == 0 || b == ' ');
}

/* Whether it is UTF-8 without control characters (a database's strings must be). */
static bool is_text(struct slice text)
{
    while (text.len) {
        size_t len = utf8_length(text);
        unsigned char c = (unsigned char)text.at[0];
        if (len == 0 || c < ' ' || c == 0x7f)
            return false;
        text = slice_from(text, len);
    }
    return true;
}

bool range_place_city(struct range_record *record, struct slice city)
{
    if (!is_text(city) || !record_set(record->city, sizeof record->city, city))
        return false;
    for (int i = 0; city.len && record->country[0] && i < place_count(NULL); i++) {
        const struct place_fact *fact = place_fact(NULL, (place_index)i);
        char country[3] = "";
        set_code(country, fact->country);
        if (fact->kind == PLACE_REGION && fact->has_point &&
            strcmp(country, record->country) == 0 && same_city(city, slice_of(fact->name))) {
            set_point(record, fact);
            break;
        }
    }
    return true;
}

static bool parse_degrees(const char **text, double most, double *value)
{
    char *end;
    if (strspn(*text, "+-.0123456789") == 0)
        return false;
    *value = strtod(*text, &end);
    bool right = end != *text && *value >= -most && *value <= most;
    *text = end;
    return right;
}

static bool set_coordinates(struct range_record *record, struct slice name)
{
    char copy[64];
    const char *text = copy;
    if (!record_set(copy, sizeof copy, name) || strspn(copy, "+-.,0123456789 ") != strlen(copy))
        return false;
    if (!parse_degrees(&text, 90, &record->latitude) || *text++ != ',')
        return false;
    text += strspn(text, " ");
    if (!parse_degrees(&text, 180, &record->longitude) || *text)
        return false;
    record->has_point = true;
    return true;
}

/* A border group of the table, or any region, known or not. */
static bool set_region_named(struct range_record *record, struct slice name, bool *known)
{
    const char *colon = name.len ? memchr(name.at, ':', name.len) : NULL;
    if (!colon)
        return false;
    struct slice provider = slice_to(name, (size_t)(colon - name.at));
    struct slice region = slice_from(name, provider.len + 1);
    if (!is_name(provider) || !is_name(region))
        return false;
    const struct place_fact *fact = find_region(provider, region);
    const struct place_fact *within = fact ? place_fact(NULL, fact->within) : NULL;
    *known = fact != NULL;
    if (!within)
        return range_place_region(record, provider, region);
    struct slice outer = slice_of(strchr(within->key, ':') + 1);
    return range_place_region(record, provider, outer) &&
           range_place_border_group(record, outer, region);
}

bool range_place_named(struct range_record *record, struct slice name, bool *known)
{
    *record = (struct range_record){0};
    *known = true;
    if (set_coordinates(record, name))
        return true;
    *record = (struct range_record){0};
    const struct place_fact *fact = place_fact(NULL, place_find(NULL, name, CODE_IS_COUNTRY));
    if (!fact || fact->kind == PLACE_REGION)
        return set_region_named(record, name, known);
    set_code(record->country, fact->country);
    set_code(record->continent, fact->continent);
    return true;
}
