/* SPDX-License-Identifier: Apache-2.0 */
#include "place_set.h"

#include "place_data.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool glob_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, after_star = SIZE_MAX, retry = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            after_star = ++p;
            retry = t;
        } else if (p < pattern.len && fold(pattern.at[p]) == fold(text.at[t])) {
            p++, t++;
        } else if (after_star != SIZE_MAX) {
            p = after_star; /* let the last star take one byte more */
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

void place_set_add_place(struct place_set *set, const struct places *places, place_index index)
{
    if (index == NO_PLACE)
        return; /* else it would name all that lies within nothing */
    for (int i = 0; i < place_count(places); i++) {
        if (i == index || place_fact(places, (place_index)i)->within == index)
            set->bits[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

/* A key, or what follows the provider in it. */
static struct slice part(const char *key, bool with_provider)
{
    return slice_of(with_provider ? key : strchr(key, ':') + 1);
}

/* Adds the regions that match; false if none does. */
static bool add_matching(struct place_set *set, const struct places *places, struct slice pattern)
{
    bool with_provider = memchr(pattern.at, ':', pattern.len), any = false;

    for (int i = 0; i < place_count(places); i++) {
        const struct place_fact *fact = place_fact(places, (place_index)i);
        if (fact->kind == PLACE_REGION && glob_matches(pattern, part(fact->key, with_provider))) {
            place_set_add_place(set, places, (place_index)i);
            any = true;
        }
    }
    for (int i = 0; i < places_aliases; i++) {
        if (glob_matches(pattern, part(place_aliases[i].key, with_provider))) {
            place_set_add_place(set, places, place_aliases[i].index);
            any = true;
        }
    }
    return any;
}

static bool unknown(const struct places *places, struct slice word, struct why *why)
{
    int len = (int)(word.len < 80 ? word.len : 80);
    const char *near = place_suggest(places, word);

    if (near && slice_equal_nocase(word, slice_of(near)))
        return why_not(why, "Several providers have a region \"%s\": put the provider before it.",
                       near);
    if (near)
        return why_not(why, "\"%.*s\" is no known place: did you mean \"%s\"?", len, word.at, near);
    return why_not(why,
                   "\"%.*s\" is no known place: write a region (\"aws:eu-west-3\"), regions "
                   "(\"aws:eu-*\"), a country (\"FR\"), a continent (\"EU\"), or \"*\" for "
                   "everyone; `signpost places` lists what is known.",
                   len, word.at);
}

bool place_set_add(struct place_set *set, const struct places *places, struct slice word,
                   struct why *why)
{
    if (slice_equal(word, SLICE("*"))) {
        set->everyone = true;
        return true;
    }
    if (word.len && memchr(word.at, '*', word.len))
        return add_matching(set, places, word) ||
               why_not(why,
                       "No known region matches \"%.*s\"; `signpost places` lists what is known.",
                       (int)(word.len < 80 ? word.len : 80), word.at);
    place_index found = place_find(places, word, CODE_IS_CONTINENT);
    if (found == NO_PLACE)
        found = place_find_region(places, word);
    if (found == NO_PLACE)
        return unknown(places, word, why);
    place_set_add_place(set, places, found);
    return true;
}
