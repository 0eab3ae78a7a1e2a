/* SPDX-License-Identifier: Apache-2.0 */
/* The places that a configuration adds and corrects. */
#include "place/place.h"

#include <stdlib.h>

#include "place/place_data.h"

static void copy_text(char *to, struct slice from)
{
    memcpy(to, from.at, from.len);
    to[from.len] = '\0';
}

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Whether the key of a new place is "provider:name" in small letters. */
static bool check_key(struct slice key, struct why *why)
{
    const char *colon = memchr(key.at, ':', key.len);
    bool good = colon && colon > key.at && colon < key.at + key.len - 1;

    if (slice_starts(key, SLICE("country:")) || slice_starts(key, SLICE("continent:")))
        return why_not(why, "\"%.*s\" is no known country or continent, and none can be added.",
                       (int)(key.len < 80 ? key.len : 80), key.at);
    for (size_t i = 0; i < key.len; i++)
        good = good && (is_key_byte(key.at[i]) || key.at + i == colon);
    if (!good)
        return why_not(why,
                       "\"%.*s\" is no name for a place: write a group, a colon and a name, in "
                       "a-z, 0-9, '-', '_' and '.', such as \"onprem:berlin\".",
                       (int)(key.len < 80 ? key.len : 80), key.at);
    return true;
}

static bool check_lengths(const struct own_place *own, struct why *why)
{
    if (own->key.len >= PLACE_KEY_SIZE || own->name.len >= PLACE_NAME_SIZE)
        return why_not(why,
                       "The place \"%.*s\" is too long: a key has at most %d bytes, a name %d.",
                       (int)(own->key.len < 80 ? own->key.len : 80), own->key.at,
                       PLACE_KEY_SIZE - 1, PLACE_NAME_SIZE - 1);
    return own->key.len > 0 || why_not(why, "A place needs a name, such as \"onprem:berlin\".");
}

/* Fills in what the configuration says of a place. */
static bool apply(const struct places *places, const struct own_place *own, struct place_fact *fact,
                  struct why *why)
{
    if (own->name.len)
        copy_text(fact->name, own->name);
    if (own->country.len) {
        place_index country = place_find(places, own->country, CODE_IS_COUNTRY);
        if (country == NO_PLACE || place_fact(places, country)->kind != PLACE_COUNTRY)
            return why_not(why, "\"%.*s\" is no country: write the two letters of ISO 3166-1.",
                           (int)(own->country.len < 80 ? own->country.len : 80), own->country.at);
        if (fact->kind != PLACE_REGION)
            return why_not(why, "\"%s\" is a country or a continent: it cannot lie in a country.",
                           fact->key);
        fact->country = country;
        fact->continent = place_fact(places, country)->continent;
    }
    if (!own->has_point)
        return true;
    if (!place_point(own->latitude, own->longitude, fact->point))
        return why_not(why,
                       "The place \"%s\" is not on the globe: a latitude is from -90 to 90 "
                       "degrees, a longitude from -180 to 180.",
                       fact->key);
    fact->has_point = true;
    fact->latitude = (float)own->latitude;
    fact->longitude = (float)own->longitude;
    return true;
}

static bool correct(struct places *places, const struct own_place *own, place_index index,
                    struct why *why)
{
    struct place_fact fact = *place_fact(places, index);
    int slot = 0;

    if (!apply(places, own, &fact, why))
        return false;
    if (index >= places_builtin) {
        places->added[index - places_builtin] = fact;
        return true;
    }
    while (slot < places->corrected_count && places->corrected[slot].index != index)
        slot++;
    if (slot == places->corrected_count) {
        void *more = realloc(places->corrected, (size_t)(slot + 1) * sizeof *places->corrected);
        if (!more)
            return why_not(why, "There is not enough memory for another place.");
        places->corrected = more;
        places->corrected_count++;
    }
    places->corrected[slot].index = index;
    places->corrected[slot].fact = fact;
    return true;
}

static bool add(struct places *places, const struct own_place *own, struct why *why)
{
    struct place_fact fact = {
        .kind = PLACE_REGION, .within = NO_PLACE, .country = NO_PLACE, .continent = NO_PLACE};

    if (!check_key(own->key, why))
        return false;
    if (place_count(places) >= PLACES_MAX)
        return why_not(why, "There are too many places: at most %d can be added.",
                       PLACES_MAX - places_builtin);
    copy_text(fact.key, own->key);
    copy_text(fact.name, slice_of(strchr(fact.key, ':') + 1));
    if (!apply(places, own, &fact, why))
        return false;
    void *more = realloc(places->added, ((size_t)places->added_count + 1) * sizeof *places->added);
    if (!more)
        return why_not(why, "There is not enough memory for another place.");
    places->added = more;
    places->added[places->added_count++] = fact;
    return true;
}

bool places_add(struct places *places, const struct own_place *own, struct why *why)
{
    if (!check_lengths(own, why))
        return false;
    place_index known = place_find(places, own->key, CODE_IS_COUNTRY);
    return known == NO_PLACE ? add(places, own, why) : correct(places, own, known, why);
}

void places_free(struct places *places)
{
    free(places->added);
    free(places->corrected);
    *places = (struct places){0};
}
