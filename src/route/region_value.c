/* SPDX-License-Identifier: Apache-2.0 */
#include "route/region_value.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool parse_degrees(struct slice text, double *degrees)
{
    enum { WHOLE_DIGITS = 3, ALL_DIGITS = 18 };
    size_t at = text.len && (text.at[0] == '-' || text.at[0] == '+') ? 1 : 0, start = at;
    double value = 0, unit = 1;

    if (text.len > start + 1 + ALL_DIGITS)
        return false;
    for (; at < text.len && is_digit(text.at[at]); at++)
        value = value * 10 + (text.at[at] - '0');
    if (at == start || at - start > WHOLE_DIGITS)
        return false;
    if (at < text.len && text.at[at] == '.') {
        for (at++; at < text.len && is_digit(text.at[at]); at++)
            value += (text.at[at] - '0') * (unit /= 10);
    }
    if (at != text.len)
        return false;
    *degrees = text.at[0] == '-' ? -value : value;
    return true;
}

static void note(struct region_value *value, enum region_reading reading, struct slice word,
                 struct place place)
{
    if (value->known & 1u << reading)
        return;
    value->known |= 1u << reading;
    value->word[reading] = word;
    value->place[reading] = place;
}

/* Whether the word is a number; if the one before was too, notes their point. */
static bool read_number(struct region_value *value, struct slice word)
{
    struct place place = NOWHERE;
    double latitude, longitude;

    if (!parse_degrees(word, &longitude)) {
        value->latitude = (struct slice){0};
        return false;
    }
    if (!value->latitude.len) {
        value->latitude = word;
        return true;
    }
    /* 0,0 is what databases and load balancers say when they do not know. */
    if (parse_degrees(value->latitude, &latitude) &&
        (latitude < 0 || latitude > 0 || longitude < 0 || longitude > 0) &&
        place_point(latitude, longitude, place.point)) {
        place.has_point = true;
        word.len += (size_t)(word.at - value->latitude.at);
        word.at = value->latitude.at;
        note(value, READ_COORDINATES, word, place);
    }
    value->latitude = (struct slice){0};
    return true;
}

static void read_word(struct region_value *value, const struct region_words *words,
                      struct slice word)
{
    static const enum region_reading READING[] = {[PLACE_REGION] = READ_REGION,
                                                  [PLACE_COUNTRY] = READ_COUNTRY,
                                                  [PLACE_CONTINENT] = READ_CONTINENT};
    struct place place = NOWHERE;
    int name = words->lookup ? words->lookup(words->context, word, &place) : -1;

    if (name >= 0) {
        value->latitude = (struct slice){0};
        if (!(value->known & 1u << READ_NAME))
            value->name = name;
        note(value, READ_NAME, word, place);
        return;
    }
    if (read_number(value, word))
        return;
    place_index found = place_find(words->places, word, CODE_IS_COUNTRY);
    if (found == NO_PLACE)
        found = place_find_region(words->places, word);
    if (found != NO_PLACE)
        note(value, READING[place_fact(words->places, found)->kind], word,
             place_of(words->places, found));
}

void region_value_read(struct region_value *value, const struct region_words *words,
                       struct slice text)
{
    value->latitude = (struct slice){0}; /* a point does not span two headers */
    while (text.len && value->words < REGION_WORDS_MAX) {
        const char *comma = memchr(text.at, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.at) : text.len;
        struct slice word = slice_trim(slice_to(text, len));

        value->words++;
        if (word.len)
            read_word(value, words, word);
        else
            value->latitude = (struct slice){0};
        text = slice_from(text, comma ? len + 1 : len);
    }
}

enum region_reading region_value_reading(const struct region_value *value)
{
    int reading = REGION_READINGS - 1;

    while (reading > READ_NOTHING && !(value->known & 1u << reading))
        reading--;
    return (enum region_reading)reading;
}

struct place region_value_place(const struct region_value *value)
{
    struct place place = NOWHERE;

    for (int i = REGION_READINGS - 1; i > READ_NOTHING; i--) {
        const struct place *from = &value->place[i];
        if (!(value->known & 1u << i))
            continue;
        if (place.region == NO_PLACE)
            place.region = from->region;
        if (place.country == NO_PLACE && place.continent == NO_PLACE) {
            place.country = from->country;
            place.continent = from->continent;
        }
        if (!place.has_point && from->has_point) {
            place.has_point = true;
            memcpy(place.point, from->point, sizeof place.point);
        }
    }
    return place;
}

const char *region_reading_name(enum region_reading reading)
{
    static const char NAMES[REGION_READINGS][14] = {
        [READ_NOTHING] = "nothing known", [READ_CONTINENT] = "continent",
        [READ_COUNTRY] = "country",       [READ_COORDINATES] = "coordinates",
        [READ_REGION] = "region",         [READ_NAME] = "name"};

    return NAMES[reading];
}
