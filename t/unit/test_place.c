/* SPDX-License-Identifier: Apache-2.0 */
/* The table of places: looking up, what follows, correcting, points and distances. */
#include "../tap.h"

#include <math.h>

#include "place/place.h"
#include "place/place_data.h"
#include "tight.h"

static place_index find(const char *key)
{
    return place_find(NULL, slice_of(key), CODE_IS_COUNTRY);
}

static const char *found(const char *key)
{
    return place_key(NULL, find(key));
}

static const char *region(const char *name)
{
    return place_key(NULL, place_find_region(NULL, slice_of(name)));
}

static void test_table(void)
{
    int lost = 0, countryless = 0, off = 0;

    for (int i = 0; i < place_count(NULL); i++) {
        const struct place_fact *fact = place_fact(NULL, (place_index)i);
        float point[3];
        lost += find(fact->key) != i;
        countryless += fact->kind == PLACE_COUNTRY && fact->continent == NO_PLACE;
        if (!fact->has_point)
            continue;
        off += !place_point((double)fact->latitude, (double)fact->longitude, point) ||
               place_distance_km(point, fact->point) > 0.02;
    }
    cmp_ok(place_count(NULL), ==, 168 + 48 + 78 + 250 + 7,
           "every region, group, country and continent");
    cmp_ok(lost, ==, 0, "every key finds its entry");
    cmp_ok(countryless, ==, 0, "every country is on a continent");
    cmp_ok(off, ==, 0, "every unit vector is that of its coordinates");
    ok(place_fact(NULL, NO_PLACE) == NULL, "no fact for no place");
    ok(place_fact(NULL, (place_index)place_count(NULL)) == NULL, "no fact behind the end");
}

static void test_find(void)
{
    is(found("aws:eu-west-3"), "aws:eu-west-3", "a region");
    is(found("AWS:EU-West-3"), "aws:eu-west-3", "in any case");
    is(found("aws:us-east-1-lim-1"), "aws:us-east-1-lim-1", "a border group");
    is(found("azure:francecentral"), "azure:centralfrance", "an alias");
    is(found("AWS:GLOBAL"), "aws:global", "a region without a place");
    is(found("fr"), "FR", "a country");
    is(found("country:fr"), "FR", "a country with its kind");
    is(found("continent:EU"), "EU", "a continent with its kind");
    is(found("EU"), "EU", "a continent");
    is(found("SA"), "country:SA", "an ambiguous code as a country");
    is(place_key(NULL, place_find(NULL, SLICE("sa"), CODE_IS_CONTINENT)), "continent:SA",
       "an ambiguous code as a continent");
    is(found("continent:FR"), "-", "a country is no continent");
    is(found("country:EU"), "-", "a continent is no country");
    is(found("eu-west-3"), "-", "a region needs its provider");
    is(found(""), "-", "nothing");
    is(found("XX"), "-", "no country");
    is(place_key(NULL, place_find(NULL, (struct slice){"FR\0", 3}, CODE_IS_COUNTRY)), "-",
       "a NUL behind");
    is(found("aws:a-region-whose-name-is-longer-than-any-known-one-can-be"), "-", "a long key");
}

static void test_find_region(void)
{
    is(region("eu-west-3"), "aws:eu-west-3", "a bare region");
    is(region("us-central1"), "gcp:us-central1", "another provider's");
    is(region("francecentral"), "azure:centralfrance", "a bare alias");
    is(region("US-EAST-1-LIM-1"), "aws:us-east-1-lim-1", "a bare border group");
    is(region("gcp:us-central1"), "gcp:us-central1", "with the provider");
    is(region("global"), "-", "a name of two providers");
    is(region("FR"), "-", "a country is no region");
    is(region("country:SA"), "-", "nor is one with its kind");
    is(region(""), "-", "nothing");
}

static void test_place_of(void)
{
    struct place lima = place_of(NULL, find("aws:us-east-1-lim-1"));
    struct place europe = place_of(NULL, find("EU")), none = place_of(NULL, NO_PLACE);
    struct place anycast = place_of(NULL, find("aws:global"));

    is(place_key(NULL, lima.region), "aws:us-east-1-lim-1", "a border group's region is itself");
    is(place_key(NULL, place_fact(NULL, lima.region)->within), "aws:us-east-1",
       "which lies within its region");
    is(place_key(NULL, lima.country), "PE", "in its own country");
    is(place_key(NULL, lima.continent), "continent:SA", "on its own continent");
    ok(lima.has_point && lima.point[2] < 0, "and at its own point");
    ok(europe.region == NO_PLACE && europe.country == NO_PLACE && europe.has_point,
       "a continent has a rough point");
    ok(none.region == NO_PLACE && none.continent == NO_PLACE && !none.has_point, "nowhere");
    ok(anycast.region != NO_PLACE && anycast.country == NO_PLACE && !anycast.has_point,
       "a region that is nowhere");
    ok(place_of(NULL, find("gcp:us-east7")).has_point, "a region with a country but no city");
}

static double km(double lat1, double lon1, double lat2, double lon2)
{
    float a[3], b[3];

    place_point(lat1, lon1, a);
    place_point(lat2, lon2, b);
    return place_distance_km(a, b);
}

static void test_points(void)
{
    const double radian = acos(-1) / 180;
    double worst = 0;
    float p[3] = {7, 7, 7};

    for (double lat = -90; lat <= 90; lat += 7.5) {
        for (double lon = -180; lon <= 180; lon += 3.7) {
            place_point(lat, lon, p);
            worst = fmax(worst, fabs((double)p[0] - cos(lat * radian) * cos(lon * radian)));
            worst = fmax(worst, fabs((double)p[1] - cos(lat * radian) * sin(lon * radian)));
            worst = fmax(worst, fabs((double)p[2] - sin(lat * radian)));
        }
    }
    ok(worst < 1e-7, "points agree with libm (%g)", worst);
    p[0] = 7;
    ok(!place_point(90.001, 0, p) && !place_point(0, -180.1, p) &&
           !place_point((double)NAN, 0, p) && !place_point(0, (double)INFINITY, p) &&
           !place_point(-90.001, 0, p) && !place_point(0, 180.1, p) && (int)p[0] == 7,
       "what is not on the globe is refused and leaves the point alone");
    ok(fabs(km(0, 0, 0, 180) - 20015.115) < 0.01, "half around the equator");
    ok(fabs(km(90, 0, -90, 77) - 20015.115) < 0.01, "from pole to pole");
    ok(fabs(km(0, 179, 0, -179) - 222.39) < 0.01, "across the date line");
    ok(km(48.8534, 2.3488, 48.8534, 2.3488) < 0.001, "nowhere to go");
    ok(fabs(km(48.8534, 2.3488, 51.5085, -0.1257) - 343.9) < 1, "Paris to London");
}

static void test_own(void)
{
    struct places places = {0};
    struct why why = {""};
    struct own_place berlin = {.key = SLICE("onprem:berlin"),
                               .country = SLICE("DE"),
                               .has_point = true,
                               .latitude = 52.5,
                               .longitude = 13.4};
    struct own_place lyon = {.key = SLICE("aws:eu-west-3"),
                             .name = SLICE("Lyon"),
                             .has_point = true,
                             .latitude = 45.76,
                             .longitude = 4.84};

    ok(places_add(&places, &berlin, &why), "a place is added");
    place_index at = place_find(&places, SLICE("OnPrem:Berlin"), CODE_IS_COUNTRY);
    is(place_key(&places, at), "onprem:berlin", "and found");
    ok(at == place_find_region(&places, SLICE("berlin")), "by its bare name too");
    is(place_fact(&places, at)->name, "berlin", "its name is the key's last part");
    is(place_key(&places, place_of(&places, at).continent), "EU", "it has a continent");
    is(found("onprem:berlin"), "-", "the table itself is unchanged");

    ok(places_add(&places, &lyon, &why), "a place is corrected");
    is(place_fact(&places, find("aws:eu-west-3"))->name, "Lyon", "in this configuration");
    is(place_fact(NULL, find("aws:eu-west-3"))->name, "Paris", "not in the table itself");
    is(place_key(&places, place_of(&places, find("aws:eu-west-3")).country), "FR",
       "what was not said stays");
    lyon.name = SLICE("Lyon 2");
    ok(places_add(&places, &lyon, &why) && places.corrected_count == 1, "corrected again");
    berlin.latitude = 52.6;
    ok(places_add(&places, &berlin, &why) && places.added_count == 1, "an added one corrected");
    places_free(&places);
    cmp_ok(place_count(&places), ==, place_count(NULL), "nothing is left");
}

static void refused(struct own_place own, const char *part)
{
    struct places places = {0};
    struct why why = {""};

    ok(!places_add(&places, &own, &why), "refused: %.*s", (int)own.key.len, own.key.at);
    like(why.text, part, "for the right reason");
    places_free(&places);
}

static void test_refused(void)
{
    char many[100];
    struct places places = {0};
    struct why why = {""};
    int added = 0;

    refused((struct own_place){.key = SLICE("")}, "needs a name");
    refused((struct own_place){.key = SLICE("berlin")}, "\"onprem:berlin\"");
    refused((struct own_place){.key = SLICE("onprem:")}, "a colon and a name");
    refused((struct own_place){.key = SLICE("onprem:Berlin")}, "a-z");
    refused((struct own_place){.key = SLICE("country:ZZ")}, "none can be added");
    refused((struct own_place){.key = SLICE("a:a23456789012345678901234567890123456789012345678")},
            "too long");
    refused((struct own_place){.key = tight(slice_of(padded(many, "a:", 'a', PLACE_KEY_SIZE - 2)))},
            "too long");
    refused((struct own_place){.key = SLICE("a:b"),
                               .name = tight(slice_of(padded(many, "", 'a', PLACE_NAME_SIZE)))},
            "too long");
    ok(places_add(&places,
                  &(struct own_place){.key = slice_of(padded(many, "a:", 'a', PLACE_KEY_SIZE - 3)),
                                      .name = SLICE("x")},
                  &why),
       "just not too long");
    places_free(&places);
    refused((struct own_place){.key = tight(slice_of(padded(many, "a:", 'a', 77)))}, "too long");
    refused((struct own_place){.key = tight(slice_of(padded(many, "a:", 'a', 79)))}, "too long");
    refused((struct own_place){.key = SLICE("a:b"), .country = SLICE("EU")}, "no country");
    refused((struct own_place){.key = SLICE("FR"), .country = SLICE("DE")}, "cannot lie");
    refused((struct own_place){.key = SLICE("a:b"), .has_point = true, .latitude = 91}, "globe");
    do {
        snprintf(many, sizeof many, "a:%d", added);
    } while (places_add(&places, &(struct own_place){.key = slice_of(many)}, &why) && ++added);
    cmp_ok(place_count(&places), ==, PLACES_MAX, "no more than fit");
    like(why.text, "too many", "and it is said");
    places_free(&places);
}

static void test_starts(void)
{
    struct place_range regions = places_with_start(SLICE("AWS:eu-")), none;
    char start[64];

    cmp_ok(regions.end - regions.first, >, 5, "regions that begin alike");
    for (int i = regions.first; i < regions.end; i++)
        ok(strncmp(place_fact(NULL, (place_index)i)->key, "aws:eu-", 7) == 0, "is one of them");
    ok(regions.first > 0 &&
           strncmp(place_fact(NULL, (place_index)(regions.first - 1))->key, "aws:eu-", 7) != 0 &&
           strncmp(place_fact(NULL, (place_index)regions.end)->key, "aws:eu-", 7) != 0,
       "and there are no others");
    none = places_with_start(SLICE("nowhere:"));
    cmp_ok(none.first, ==, none.end, "nothing begins so");
    none = places_with_start(slice_of(padded(start, "", 'a', sizeof start - 1)));
    cmp_ok(none.first, ==, none.end, "nor with a text that is too long");
}

static void test_suggest(void)
{
    is(place_suggest(NULL, SLICE("aws:eu-wset-3")), "aws:eu-west-3", "letters swapped");
    is(place_suggest(NULL, SLICE("us-centrall1")), "us-central1", "a letter too many");
    is(place_suggest(NULL, SLICE("gcp:uswest2")), "gcp:us-west2", "a dash forgotten");
    is(place_suggest(NULL, SLICE("europe")), "EU", "a continent's name");
    is(place_suggest(NULL, SLICE("Germany")), "DE", "a country's name");
    is(place_suggest(NULL, SLICE("Germny")), "DE", "a misspelt one");
    is(place_suggest(NULL, SLICE("Paris")), "aws:eu-west-3", "a city's name");
    is(place_suggest(NULL, SLICE("Pari")), "aws:eu-west-3", "one that lacks a letter");
    is(place_suggest(NULL, SLICE("francecentrl")), "francecentral", "an alias");
    for (int i = 0; i < places_aliases; i++)
        is(place_suggest(NULL, slice_of(place_aliases[i].key)), place_aliases[i].key,
           "what is an alias");
    is(place_suggest(NULL, SLICE("UK")), "GB", "not its ISO code");
    is(place_suggest(NULL, SLICE("ZZ")), NULL, "two letters could be any");
    is(place_suggest(NULL, SLICE("the middle of nowhere")), NULL, "nothing near");
    is(place_suggest(NULL, SLICE("")), NULL, "nothing");
}

int main(void)
{
    test_table();
    test_find();
    test_find_region();
    test_place_of();
    test_points();
    test_own();
    test_refused();
    test_starts();
    test_suggest();
    return done_testing();
}
