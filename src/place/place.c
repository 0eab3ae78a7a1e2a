/* SPDX-License-Identifier: Apache-2.0 */
#include "place/place.h"

#include "core/suggest.h"
#include "place/place_data.h"

const struct place NOWHERE = {NO_PLACE, NO_PLACE, NO_PLACE, false, {0, 0, 0}};

/* A key in lower case. */
struct folded {
    size_t len;
    char at[PLACE_KEY_SIZE];
};

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Puts start and key together in lower case; false if no key is that long. */
static bool fold_key(struct folded *to, struct slice start, struct slice key)
{
    if (start.len + key.len >= PLACE_KEY_SIZE || (key.len && memchr(key.at, 0, key.len)))
        return false;
    for (size_t i = 0; i < start.len; i++)
        to->at[i] = fold(start.at[i]);
    for (size_t i = 0; i < key.len; i++)
        to->at[start.len + i] = fold(key.at[i]);
    to->len = start.len + key.len;
    return true;
}

/* As strcmp, without regard to case. There is no NUL inside wanted. */
static int compare(const struct folded *wanted, const char *known)
{
    int order = strncasecmp(wanted->at, known, wanted->len);

    return order ? order : known[wanted->len] ? -1 : 0;
}

static const char *bare_name(const struct place_fact *fact)
{
    return strchr(fact->key, ':') + 1;
}

/* As generate.awk has it. */
static unsigned first_slot(const struct folded *key)
{
    unsigned slot = 0;

    for (size_t i = 0; i < key->len; i++)
        slot = slot * 31 + (unsigned char)key->at[i];
    return slot % place_slot_count;
}

static place_index find_builtin(const struct folded *key)
{
    for (unsigned slot = first_slot(key); place_slots[slot] != NO_PLACE;
         slot = (slot + 1) % place_slot_count)
        if (compare(key, place_facts[place_slots[slot]].key) == 0)
            return place_slots[slot];
    for (int i = 0; i < places_aliases; i++) {
        if (compare(key, place_aliases[i].key) == 0)
            return place_aliases[i].index;
    }
    return NO_PLACE;
}

/* Whether a known key begins with the wanted one; both are compared without regard to case. */
static bool begins(const struct folded *wanted, const char *known)
{
    for (size_t i = 0; i < wanted->len; i++)
        if ((unsigned char)wanted->at[i] != (unsigned char)fold(known[i]))
            return false;
    return true;
}

struct place_range places_with_start(struct slice start)
{
    struct place_range range = {0, 0};
    struct folded wanted;
    int low = 0, high = places_builtin;

    if (!fold_key(&wanted, SLICE(""), start))
        return range;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare(&wanted, place_facts[middle].key) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    range.first = range.end = low;
    while (range.end < places_builtin && begins(&wanted, place_facts[range.end].key))
        range.end++;
    return range;
}

static place_index find_key(const struct places *places, struct slice start, struct slice key)
{
    struct folded folded;

    if (!fold_key(&folded, start, key))
        return NO_PLACE;
    place_index found = find_builtin(&folded);
    for (int i = 0; places && found == NO_PLACE && i < places->added_count; i++) {
        if (compare(&folded, places->added[i].key) == 0)
            found = (place_index)(places_builtin + i);
    }
    return found;
}

/* "FR" for "country:FR", if the entry is of that kind. */
static place_index find_of_kind(const struct places *places, struct slice code,
                                enum place_kind kind)
{
    place_index found = find_key(places, SLICE(""), code);
    const struct place_fact *fact = place_fact(places, found);

    return fact && fact->kind == kind ? found : NO_PLACE;
}

place_index place_find(const struct places *places, struct slice key, enum place_code code)
{
    const struct slice country = SLICE("country:"), continent = SLICE("continent:");
    place_index found = find_key(places, SLICE(""), key);

    if (found != NO_PLACE)
        return found;
    if (key.len == 2)
        return find_key(places, code == CODE_IS_COUNTRY ? country : continent, key);
    if (key.len == country.len + 2 && slice_equal_nocase(slice_to(key, country.len), country))
        return find_of_kind(places, slice_from(key, country.len), PLACE_COUNTRY);
    if (key.len == continent.len + 2 && slice_equal_nocase(slice_to(key, continent.len), continent))
        return find_of_kind(places, slice_from(key, continent.len), PLACE_CONTINENT);
    return NO_PLACE;
}

/* The number of known regions with this bare name; the last one in *found. */
static int find_bare_builtin(const struct folded *name, place_index *found)
{
    int low = 0, high = places_bare, matches = 0;

    while (low < high) {
        int middle = (low + high) / 2;
        if (compare(name, bare_name(&place_facts[place_bare[middle]])) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < places_bare; low++, matches++) {
        if (compare(name, bare_name(&place_facts[place_bare[low]])) != 0)
            break;
        *found = place_bare[low];
    }
    for (int i = 0; i < places_aliases; i++) {
        if (compare(name, strchr(place_aliases[i].key, ':') + 1) == 0) {
            *found = place_aliases[i].index;
            matches++;
        }
    }
    return matches;
}

static place_index find_bare(const struct places *places, struct slice name)
{
    struct folded folded;
    place_index found = NO_PLACE;

    if (!fold_key(&folded, SLICE(""), name))
        return NO_PLACE;
    int matches = find_bare_builtin(&folded, &found);
    for (int i = 0; places && i < places->added_count; i++) {
        if (compare(&folded, bare_name(&places->added[i])) == 0) {
            found = (place_index)(places_builtin + i);
            matches++;
        }
    }
    return matches == 1 ? found : NO_PLACE;
}

place_index place_find_region(const struct places *places, struct slice name)
{
    if (name.len == 0)
        return NO_PLACE;
    if (!memchr(name.at, ':', name.len))
        return find_bare(places, name);
    return find_of_kind(places, name, PLACE_REGION);
}

int place_count(const struct places *places)
{
    return places_builtin + (places ? places->added_count : 0);
}

const struct place_fact *place_fact(const struct places *places, place_index index)
{
    if (index < 0 || index >= place_count(places))
        return NULL;
    if (index >= places_builtin)
        return &places->added[index - places_builtin];
    for (int i = 0; places && i < places->corrected_count; i++) {
        if (places->corrected[i].index == index)
            return &places->corrected[i].fact;
    }
    return &place_facts[index];
}

const char *place_key(const struct places *places, place_index index)
{
    const struct place_fact *fact = place_fact(places, index);

    return fact ? fact->key : "-";
}

struct place place_of(const struct places *places, place_index index)
{
    const struct place_fact *fact = place_fact(places, index);
    struct place place = NOWHERE;

    if (!fact)
        return place;
    if (fact->kind == PLACE_REGION)
        place.region = index;
    place.country = fact->country;
    place.continent = fact->continent;
    const struct place_fact *country = place_fact(places, fact->country);
    if (!fact->has_point && country)
        fact = country;
    place.has_point = fact->has_point;
    memcpy(place.point, fact->point, sizeof place.point);
    return place;
}

const char *place_suggest(const struct places *places, struct slice word)
{
    struct suggestion suggestion = suggest_start(word);
    bool with_provider = word.len && memchr(word.at, ':', word.len);
    const struct place_fact *named = NULL;

    if (slice_equal_nocase(word, SLICE("UK")))
        return "GB"; /* ISO 3166-1 keeps UK for it, but it is not its code */
    if (word.len < 4)
        return NULL; /* so few letters are as near to many names */

    suggestion.distance = word.len / 3 + 1; /* names of places are short, and many */
    for (int i = 0; i < place_count(places); i++) {
        const struct place_fact *fact = place_fact(places, (place_index)i);
        if (fact->kind == PLACE_REGION)
            suggest_try(&suggestion, with_provider ? fact->key : bare_name(fact));
        if (!with_provider)
            suggest_try(&suggestion, fact->name); /* a country's, or a region's city's */
        if (suggestion.best == fact->name)
            named = fact;
    }
    for (int i = 0; i < places_aliases; i++)
        suggest_try(&suggestion,
                    with_provider ? place_aliases[i].key : strchr(place_aliases[i].key, ':') + 1);
    if (named && suggestion.best == named->name)
        return named->key; /* "Germany" is written "DE" */
    return suggestion.best;
}
