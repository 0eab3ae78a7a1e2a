/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of places from a configuration's words. */
#include "../tap.h"

#include "place/place_set.h"

/* Whether a set of one word has the place with this key. */
static bool has(const char *word, const char *key)
{
    struct place_set set = {0};
    struct why why = {""};
    struct place place = place_of(NULL, place_find(NULL, slice_of(key), CODE_IS_COUNTRY));

    if (!place_set_add(&set, NULL, slice_of(word), &why))
        diag("%s", why.text);
    return place_set_has(&set, &place);
}

static void test_words(void)
{
    ok(has("*", "nowhere"), "* has clients of unknown place");
    ok(has("aws:eu-west-3", "aws:eu-west-3"), "a region");
    ok(!has("aws:eu-west-3", "aws:eu-west-2"), "not another");
    ok(!has("aws:eu-west-3", "FR"), "nor its country's clients");
    ok(has("eu-west-3", "aws:eu-west-3"), "a bare region");
    ok(has("aws:us-east-1", "aws:us-east-1-lim-1"), "a region has its border groups");
    ok(!has("aws:us-east-1-lim-1", "aws:us-east-1"), "not the other way round");
    ok(has("aws:*", "aws:global"), "a provider");
    ok(!has("aws:*", "gcp:us-west1"), "not another one");
    ok(has("aws:eu-*", "aws:eu-west-3") && !has("aws:eu-*", "aws:us-east-1"), "a beginning");
    ok(has("us-*", "gcp:us-west1") && has("us-*", "aws:us-west-1"), "of any provider");
    ok(has("*:us-*1", "gcp:us-west1") && !has("*:us-*1", "gcp:us-west2"), "stars anywhere");
    ok(has("azure:france*", "azure:centralfrance"), "a star in an alias");
    ok(has("germanyw*", "azure:germanywc"), "and without the provider");
    ok(has("azure:francecentral", "azure:centralfrance"), "an alias");
    ok(has("FR", "FR") && has("fr", "aws:eu-west-3") && !has("FR", "DE"), "a country");
    ok(has("EU", "aws:eu-west-3") && has("EU", "FR") && !has("EU", "US"), "a continent");
    ok(has("SA", "BR") && !has("SA", "country:SA"), "SA is the continent");
    ok(has("country:SA", "gcp:me-central2") && !has("country:SA", "BR"), "country:SA");
    ok(has("continent:AS", "JP") && has("AF", "ZA") && has("NA", "US"), "other continents");
    ok(!has("EU", "nowhere"), "an unknown place is in no continent");
}

static void unknown(const char *word, const char *part)
{
    struct place_set set = {0};
    struct why why = {""};

    ok(!place_set_add(&set, NULL, slice_of(word), &why), "refused: %s", part);
    like(why.text, part, "with a cure");
}

static void test_unknown(void)
{
    unknown("aws:eu-wset-3", "did you mean \"aws:eu-west-3\"?");
    unknown("France", "did you mean \"FR\"?");
    unknown("global", "put the provider before it");
    unknown("amazon:*", "No known region matches");
    unknown("ZZ", "signpost places");
    unknown("", "signpost places");
    unknown("a\nb:c", "a?b:c");
}

static void test_own(void)
{
    struct places places = {0};
    struct place_set set = {0};
    struct own_place own = {.key = SLICE("onprem:berlin"), .country = SLICE("DE")};

    ok(places_add(&places, &own, NULL) && place_set_add(&set, &places, SLICE("onprem:*"), NULL),
       "an own place is matched");
    struct place berlin = place_of(&places, place_find_region(&places, SLICE("berlin")));
    ok(place_set_has(&set, &berlin), "and in the set");
    set = (struct place_set){0};
    place_set_add_place(&set, NULL, NO_PLACE);
    ok(!place_set_has(&set, &berlin) && !set.bits[0] && !set.bits[1], "no place adds nothing");
    places_free(&places);
}

static bool glob(const char *pattern, const char *text)
{
    return glob_matches(slice_of(pattern), slice_of(text));
}

static void test_glob(void)
{
    ok(glob("", "") && glob("*", "") && glob("**", "a") && !glob("", "a"), "nothing");
    ok(glob("a*b*c", "aXbYbZc") && !glob("a*b*c", "aXbYbZ"), "several stars");
    ok(glob("A*", "abc") && !glob("a", "ab") && !glob("ab", "a"), "ends");
    ok(!glob("*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "no blow-up");
}

int main(void)
{
    test_words();
    test_unknown();
    test_own();
    test_glob();
    return done_testing();
}
