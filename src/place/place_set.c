/* SPDX-License-Identifier: Apache-2.0 */
#include "place/place_set.h"

#include "place/place_data.h"

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

static void add(struct place_set *set, int index)
{
    set->bits[index / 64] |= UINT64_C(1) << index % 64;
    set->hint |= UINT64_C(1) << index % 64;
}

void place_set_add_place(struct place_set *set, const struct places *places, place_index index)
{
    const struct place_fact *fact = place_fact(places, index);

    if (!fact)
        return;
    add(set, index);
    /* A border group's key begins with its region's (generate.awk sees to it), so it is near. */
    struct slice key = slice_of(fact->key);
    for (int i = index + 1; i < place_count(NULL); i++) {
        const struct place_fact *next = place_fact(places, (place_index)i);
        if (!slice_starts(slice_of(next->key), key))
            break;
        if (next->within == index)
            add(set, i);
    }
}

/* A key, or what follows the provider in it. */
static struct slice part(const char *key, bool with_provider)
{
    return slice_of(with_provider ? key : strchr(key, ':') + 1);
}

/* Which compiled-in entries a pattern can match: its start says so, if it names a provider. */
static struct place_range candidates(struct slice pattern, bool with_provider)
{
    const char *star = memchr(pattern.at, '*', pattern.len);

    if (!with_provider || !star)
        return (struct place_range){0, places_builtin};
    return places_with_start(slice_to(pattern, (size_t)(star - pattern.at)));
}

static bool add_if_matching(struct place_set *set, const struct places *places, int index,
                            struct slice pattern, bool with_provider)
{
    const struct place_fact *fact = place_fact(places, (place_index)index);

    if (fact->kind != PLACE_REGION || !glob_matches(pattern, part(fact->key, with_provider)))
        return false;
    place_set_add_place(set, places, (place_index)index);
    return true;
}

/* Adds the regions that match; false if none does. */
static bool add_matching(struct place_set *set, const struct places *places, struct slice pattern)
{
    bool with_provider = memchr(pattern.at, ':', pattern.len), any = false;
    struct place_range range = candidates(pattern, with_provider);

    for (int i = range.first; i < range.end; i++)
        any |= add_if_matching(set, places, i, pattern, with_provider);
    for (int i = places_builtin; i < place_count(places); i++)
        any |= add_if_matching(set, places, i, pattern, with_provider);
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
