/* SPDX-License-Identifier: Apache-2.0 */
/* What region headers say. */
#include "../tap.h"

#include "route/region_value.h"

/* The configuration's names: "de" is the one with number 0, "us" with 7. */
static int lookup(const void *context, struct slice word, struct place *place)
{
    (void)context;
    if (slice_equal_nocase(word, SLICE("de"))) {
        *place = place_of(NULL, place_find(NULL, SLICE("aws:eu-central-1"), CODE_IS_COUNTRY));
        return 0;
    }
    if (!slice_equal_nocase(word, SLICE("us")))
        return -1;
    *place = place_of(NULL, place_find(NULL, SLICE("gcp:us-central1"), CODE_IS_COUNTRY));
    return 7;
}

/* A value's reading as "kind word region country continent latitude-ish". */
static const char *read_value(region_name_lookup *names, const char *text)
{
    static char told[256];
    struct region_value value = {0};
    struct region_words words = {.lookup = names};
    char *copy = strdup(text); /* so that ASan sees reads behind the end */

    region_value_read(&value, &words, (struct slice){copy, strlen(copy)});
    enum region_reading reading = region_value_reading(&value);
    struct place place = region_value_place(&value);
    snprintf(told, sizeof told, "%s [%.*s] %s %s %s %d", region_reading_name(reading),
             (int)value.word[reading].len, value.word[reading].at ? value.word[reading].at : "",
             place_key(NULL, place.region), place_key(NULL, place.country),
             place_key(NULL, place.continent),
             place.has_point ? (int)((double)place.point[2] * 100) : -999);
    free(copy);
    return told;
}

static void reads(const char *text, const char *expected)
{
    is(read_value(NULL, text), expected, "\"%.60s\"", text);
}

static void test_words(void)
{
    reads("aws:eu-west-3", "region [aws:eu-west-3] aws:eu-west-3 FR EU 75");
    reads(" EU-WEST-3\t", "region [EU-WEST-3] aws:eu-west-3 FR EU 75");
    reads("us-central1", "region [us-central1] gcp:us-central1 US continent:NA 65");
    reads("francecentral", "region [francecentral] azure:centralfrance FR EU 75");
    reads("FR", "country [FR] - FR EU 73");
    reads("fr", "country [fr] - FR EU 73");
    reads("SA", "country [SA] - country:SA continent:AS 40");
    reads("continent:SA", "continent [continent:SA] - - continent:SA -25");
    reads("EU", "continent [EU] - - EU 76");
    reads("48.8534,2.3488", "coordinates [48.8534,2.3488] - - - 75");
    reads("-33.9 , +18.4", "coordinates [-33.9 , +18.4] - - - -55");
    reads("90,180", "coordinates [90,180] - - - 100");
}

static void test_unknown(void)
{
    static const char *const TEXTS[] = {"",
                                        "XX",
                                        "T1",
                                        "ZZ",
                                        ",",
                                        ",,,,",
                                        "  ",
                                        "37.4",
                                        "91,0",
                                        "0,181",
                                        "nan,nan",
                                        "inf,0",
                                        "1e1,5",
                                        "0x10,5",
                                        "1.,",
                                        ".5,.5",
                                        "--1,2",
                                        "+,-",
                                        "-,5",
                                        "1 2,3",
                                        "0,0",
                                        "0.000,0",
                                        "-0,0.0",
                                        "1000,1",
                                        "1.5;2.5",
                                        "\"FR\"",
                                        "FRA",
                                        "F",
                                        "Nowhere",
                                        "global",
                                        "aws:",
                                        ":",
                                        "aws:*",
                                        "*",
                                        "5,,6",
                                        "country:",
                                        "country:EU",
                                        "%46R",
                                        "FR\nEU",
                                        "0048.85,2",
                                        "1.0000000000000000000000000,2"};

    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        is(read_value(NULL, TEXTS[i]), "nothing known [] - - - -999", "unknown %d", (int)i);
}

static void test_several(void)
{
    reads("US,USCA,37.4,-122.1", "coordinates [37.4,-122.1] - US continent:NA 60");
    reads("37.4,-122.1,US", "coordinates [37.4,-122.1] - US continent:NA 60");
    reads("US,CA,37.4,-122.1", "coordinates [37.4,-122.1] - US continent:NA 60");
    reads("US,,,", "country [US] - US continent:NA 62");
    reads("EU,FR", "country [FR] - FR EU 73");
    reads("FR,aws:us-east-1,1,1", "region [aws:us-east-1] aws:us-east-1 US continent:NA 62");
    reads("aws:global,FR", "region [aws:global] aws:global FR EU 73");
    reads("aws:global,FR,-10,5", "region [aws:global] aws:global FR EU -17");
    reads("FR,DE", "country [FR] - FR EU 73");
    reads("7,XX,8,9", "coordinates [8,9] - - - 13");
    reads("1,2,3,4", "coordinates [1,2] - - - 1");
    reads("0,0,FR", "country [FR] - FR EU 73");
    reads(",,,,,,,,,,,,,,,FR", "country [FR] - FR EU 73");
    reads(",,,,,,,,,,,,,,,,FR", "nothing known [] - - - -999");
}

static void test_names(void)
{
    is(read_value(lookup, "US,37.4,-122.1"), "name [US] gcp:us-central1 US continent:NA 65",
       "a configured name goes before a country and coordinates");
    is(read_value(lookup, "DE"), "name [DE] aws:eu-central-1 DE EU 76", "so does the first one");
    is(read_value(lookup, "FR"), "country [FR] - FR EU 73", "other words are as ever");
}

static void test_repeated(void)
{
    struct region_value value = {0};
    struct region_words words = {.lookup = lookup};

    region_value_read(&value, &words, SLICE("XX, 37.4"));
    region_value_read(&value, &words, SLICE("-122.1"));
    ok(region_value_reading(&value) == READ_NOTHING, "a point does not span two headers");
    region_value_read(&value, &words, SLICE("FR"));
    region_value_read(&value, &words, SLICE("us"));
    ok(region_value_reading(&value) == READ_NAME && value.name == 7, "all values are looked at");
}

/* A place may be called by a number: one of a pair is none the less a number. */
static void test_numbers(void)
{
    struct places places = {0};
    struct own_place own = {
        .key = SLICE("onprem:48"), .has_point = true, .latitude = 10, .longitude = 10};
    struct region_words words = {.places = &places};
    struct why why = {""};

    ok(places_add(&places, &own, &why), "a place of that name %s", why.text);
    for (int i = 0; i < 3; i++) {
        struct region_value value = {0};
        region_value_read(&value, &words, slice_of((const char *[]){"48,2", "2,48", "48"}[i]));
        ok(region_value_reading(&value) == (i < 2 ? READ_COORDINATES : READ_NOTHING),
           "it is not meant by a number: %d", i);
    }
    places_free(&places);
}

int main(void)
{
    test_words();
    test_unknown();
    test_several();
    test_names();
    test_repeated();
    test_numbers();
    return done_testing();
}
