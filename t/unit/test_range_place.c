/* SPDX-License-Identifier: Apache-2.0 */
/* Records made from what range files call places: right ones, misspelt ones, hostile ones. */
#include "ranges/range_place.h"
#include "tap.h"
#include "tight.h"

#define LONG_NAME 80

/* A place as users write it; want is what record_describe says, NULL if it is refused. */
static const struct {
    const char *name, *want;
    bool known;
} named[] = {
    {"aws:eu-west-3", "aws:eu-west-3, Paris, FR", true},
    {"AWS:EU-West-3", "AWS:eu-west-3, Paris, FR", true},
    {"aws:us-east-1-lim-1", "aws:us-east-1 (us-east-1-lim-1), Lima, PE", true},
    {"aws:nowhere-1", "aws:nowhere-1", false},
    {"own_cloud:a.b-c", "own_cloud:a.b-c", false},
    {"FR", "FR", true},
    {"fr", "FR", true},
    {"EU", "EU", true},
    {"XX", NULL, true},
    {"F", NULL, true},
    {"", NULL, true},
    {":", NULL, true},
    {"aws:", NULL, true},
    {":eu-west-3", NULL, true},
    {"aws:eu west 3", NULL, true},
    {"a/b:c", NULL, true},
    {"aws:x\ny", NULL, true},
    {"aws:x{y}", NULL, true},
    {"aws:x@y", NULL, true},
};

static const char *describe(const struct range_record *record)
{
    static char text[600];

    return record_describe(record, text, sizeof text);
}

static void test_named(void)
{
    struct range_record record;
    char name[LONG_NAME + 10];
    bool known;

    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        bool taken = range_place_named(&record, tight(slice_of(named[i].name)), &known);
        is(taken ? describe(&record) : NULL, named[i].want, "the place \"%s\"", named[i].name);
        if (taken)
            ok(known == named[i].known, "it is %s", named[i].known ? "known" : "not known");
    }
    padded(name, "aws:", 'x', RECORD_NAME);
    ok(!range_place_named(&record, slice_of(name), &known), "a region's name of 64 bytes");
    name[4 + RECORD_NAME - 1] = '\0';
    ok(range_place_named(&record, slice_of(name), &known), "one of 63 bytes");
}

/* Coordinates: latitude and longitude are whole degrees here; refused ones have no longitude. */
static const struct {
    const char *name;
    int latitude, longitude;
} points[] = {
    {"48,2", 48, 2},         {"-33,-70", -33, -70}, {"+1.0, 2", 1, 2},  {"90,180", 90, 180},
    {"-90,-180", -90, -180}, {"91,0", 0, 999},      {"-91,0", 0, 999},  {"0,181", 0, 999},
    {"0,-181", 0, 999},      {"48", 0, 999},        {"48,", 0, 999},    {",2", 0, 999},
    {"48,2,", 0, 999},       {"48 2", 0, 999},      {".,.", 0, 999},    {"1,.", 0, 999},
    {"1e1,2", 0, 999},       {"nan,nan", 0, 999},   {"0x10,2", 0, 999}, {"48, ", 0, 999},
};

static void test_points(void)
{
    struct range_record record;
    char many[LONG_NAME + 10];
    bool known;

    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        bool taken = range_place_named(&record, tight(slice_of(points[i].name)), &known);
        if (points[i].longitude == 999)
            ok(!taken, "\"%s\" is no point", points[i].name);
        else
            ok(taken && record.has_point && (int)record.latitude == points[i].latitude &&
                   (int)record.longitude == points[i].longitude,
               "the point \"%s\"", points[i].name);
    }
    padded(many, "1,2", '0', LONG_NAME);
    ok(!range_place_named(&record, slice_of(many), &known), "a number of 80 digits");
    ok(!range_place_named(&record, SLICE("1,2\0,3"), &known), "a NUL in a number");
}

/* Cities, in the country before them; those with a point are of the table of regions. */
static const struct {
    const char *country, *city;
    bool has_point;
} cities[] = {
    {"BR", "São Paulo", true},   {"BR", "Sao Paulo", true}, {"BR", "SAO PAULO", true},
    {"CH", "ZURICH", true},      {"CH", "Zürich", true},    {"DE", "Frankfurt", true},
    {"CH", "Zürichberg", false}, {"CH", "Z", false},        {"FR", "São Paulo", false},
    {"", "São Paulo", false},    {"FR", "", false},         {"FR", "日本\xf0\x9f\x97\xbc", false},
};

static void test_cities(void)
{
    for (size_t i = 0; i < sizeof cities / sizeof *cities; i++) {
        struct range_record record = {.provider = ""};
        if (cities[i].country[0])
            range_place_country(&record, slice_of(cities[i].country));
        bool taken = range_place_city(&record, tight(slice_of(cities[i].city)));
        ok(taken && strcmp(record.city, cities[i].city) == 0, "the city \"%s\"", cities[i].city);
        ok(record.has_point == cities[i].has_point, "in \"%s\" it has %s point", cities[i].country,
           cities[i].has_point ? "a" : "no");
    }
}

/* Strings of a database are UTF-8 (MaxMind DB format 2.0); a file of ranges may be anything. */
static void test_bytes(void)
{
    static const struct slice refused[] = {
        SLICE("\xff"),
        SLICE("\x80"),
        SLICE("\xc3"),
        SLICE("\xc3("),
        SLICE("\xc0\x80"),
        SLICE("\xe2\x82"),
        SLICE("\xe2(\x82"),
        SLICE("\xe2\x82("),
        SLICE("\xe0\x80\xaf"),
        SLICE("\xed\xa0\x80"),
        SLICE("\xf0\x9f\x97"),
        SLICE("\xf0\x80\x80\xaf"),
        SLICE("\xf4\x90\x80\x80"),
        SLICE("\xf5\x80\x80\x80"),
        SLICE("a\nb"),
        SLICE("a\x7f"),
        SLICE("a\0b"),
    };
    struct range_record record = {.country = "FR"};
    char name[RECORD_CITY + 10];

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(!range_place_city(&record, tight(refused[i])) && !record.city[0],
           "no city is called \"%s\"", shown(refused[i]));
    padded(name, "", 'x', RECORD_CITY);
    ok(!range_place_city(&record, slice_of(name)), "a city's name of 128 bytes");
}

static void test_countries(void)
{
    static const char *const refused[] = {"",   "F",  "FRA", "F1",       "1F",
                                          "F ", "{|", "@@",  "\xe9\xe9", "QQ"};
    struct range_record record = {.provider = ""};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(!range_place_country(&record, tight(slice_of(refused[i]))),
           "no country is called \"%s\"", shown(slice_of(refused[i])));
    ok(range_place_country(&record, SLICE("pe")) && strcmp(record.country, "PE") == 0 &&
           strcmp(record.continent, "SA") == 0,
       "a country in small letters");
    record = (struct range_record){.provider = ""};
    ok(range_place_country(&record, SLICE("EU")) && !record.country[0] &&
           strcmp(record.continent, "EU") == 0,
       "EU is a continent");
}

static void test_border_groups(void)
{
    struct range_record record = {.provider = ""};

    range_place_region(&record, SLICE("aws"), SLICE("us-east-1"));
    ok(range_place_border_group(&record, SLICE("us-east-1"), SLICE("us-east-1")), "its own group");
    is(describe(&record), "aws:us-east-1, Ashburn, US", "it is where the region is");
    ok(range_place_border_group(&record, SLICE("us-east-1"), SLICE("us-east-1-new-9")),
       "a new group");
    is(describe(&record), "aws:us-east-1 (us-east-1-new-9), Ashburn, US", "it stays there");
    ok(!range_place_border_group(&record, SLICE("us-east-1"), SLICE("")), "a group without a name");
    ok(!range_place_region(&record, SLICE("aws"), SLICE("a b")), "a region with a space");
    ok(!range_place_region(&record, SLICE(""), SLICE("ab")), "a provider without a name");
}

int main(void)
{
    test_named();
    test_points();
    test_cities();
    test_bytes();
    test_countries();
    test_border_groups();
    return done_testing();
}
