/* SPDX-License-Identifier: Apache-2.0 */
/* The map: the projection, where clients go, what stands where. */
#include <math.h>

#include "asking.h"
#include "status/land.h"
#include "status/map.h"
#include "tap.h"

static bool near(double a, double b, double by)
{
    return fabs(a - b) <= by;
}

/* ---- the projection ---- */

/* EPSG:8857 gives its bounds for a sphere of WGS 84's area. */
static void check_bounds(void)
{
    const double radius = 6371007.1809;
    struct spot end = equal_earth(0, 180), pole = equal_earth(90, 180);

    ok(near(end.x * radius, 17243959.06, 0.01) && near(end.y, 0, 1e-12), "the equator's end");
    ok(near(pole.x * radius, 10216474.79, 0.01), "half the pole's line");
    ok(near(pole.y * radius, 8392927.60, 0.01), "the pole's distance");
    ok(near(end.x, EQUAL_EARTH_EXTENT.x, 1e-12) && near(pole.y, EQUAL_EARTH_EXTENT.y, 1e-12),
       "the extent");
}

/* The area that a small step on the globe has on the plane, against the one on the globe. */
static double area_ratio(double latitude, double longitude)
{
    const double step = 1e-4, radian = M_PI / 180;
    struct spot at = equal_earth(latitude, longitude);
    struct spot north = equal_earth(latitude + step, longitude);
    struct spot east = equal_earth(latitude, longitude + step);
    double area = (east.x - at.x) * (north.y - at.y) - (north.x - at.x) * (east.y - at.y);

    return area / (step * step * radian * radian * cos((latitude + step / 2) * radian));
}

static void check_areas(void)
{
    int wrong = 0;

    for (int latitude = -85; latitude <= 85; latitude += 5)
        for (int longitude = -180; longitude < 180; longitude += 15)
            wrong += !near(area_ratio(latitude, longitude), 1, 1e-4);
    cmp_ok(wrong, ==, 0, "areas keep their sizes");
}

static void check_plane(void)
{
    struct spot middle = map_spot(0, 11), left = map_spot(0, -168.9), right = map_spot(0, -169.1);
    float point[3];

    ok(near(middle.x, 500, 1e-9) && near(middle.y, 246, 1e-9), "the middle is at 11 degrees east");
    ok(left.x < 5 && right.x > 995, "the edge is at 169 degrees west");
    place_point(48.86, 2.35, point);
    struct spot paris = map_spot(48.86, 2.35), same = map_spot_of(point);
    ok(near(paris.x, same.x, 0.01) && near(paris.y, same.y, 0.01), "a vector is the same place");
    ok(paris.x < 500 && paris.y < 246, "north is up, west is left");
}

static void check_ways(void)
{
    static char data[4096];
    float samoa[3], mexico[3], here[3];

    place_point(-13.8, -171.7, samoa);
    place_point(19.4, -99.1, mexico);
    place_point(19.4, -99.2, here);
    FILE *out = fmemopen(data, sizeof data, "w");
    map_write_way(out, samoa, map_spot_of(samoa), mexico, map_spot_of(mexico));
    fclose(out);
    char *again = strchr(data + 1, 'M');
    ok(again && !strchr(again + 1, 'M'), "a way over the edge comes in again once");
    out = fmemopen(data, sizeof data, "w");
    map_write_way(out, here, map_spot_of(here), mexico, map_spot_of(mexico));
    fclose(out);
    ok(!strchr(data + 1, 'M') && strchr(data, 'L') == strrchr(data, 'L'), "a short one is a line");
    out = fmemopen(data, sizeof data, "w");
    map_write_way(out, here, map_spot_of(here), here, map_spot_of(here));
    fclose(out);
    ok(!strstr(data, "nan"), "one of no length is none");
}

/* ---- the land ---- */

static bool is_on_land(double latitude, double longitude)
{
    bool inside = false;
    size_t start = 0;

    longitude += longitude < LAND_EDGE ? 360 : 0;
    for (size_t i = 0; i < land_count; i++) {
        if (land_points[i].latitude == LAND_END) {
            start = i + 1;
            continue;
        }
        struct land_point a = land_points[i], b = land_points[i + 1];
        if (b.latitude == LAND_END)
            b = land_points[start];
        double north = a.latitude / 10.0, south = b.latitude / 10.0;
        if ((north > latitude) != (south > latitude) &&
            longitude < (b.longitude - a.longitude) / 10.0 * (latitude - north) / (south - north) +
                            a.longitude / 10.0)
            inside = !inside;
    }
    return inside;
}

static void check_land(void)
{
    int outside = 0;

    for (size_t i = 0; i < land_count; i++)
        outside += land_points[i].latitude != LAND_END &&
                   (abs(land_points[i].latitude) > 900 || land_points[i].longitude < -1690 ||
                    land_points[i].longitude > 1910);
    cmp_ok(outside, ==, 0, "the land is on the map");
    ok(is_on_land(48, 2) && is_on_land(-25, 134) && is_on_land(66, -172) && is_on_land(-85, 0),
       "France, Australia, Chukotka and the pole are land");
    ok(!is_on_land(30, -40) && !is_on_land(0, 80) && !is_on_land(42, 51),
       "oceans and the Caspian are not");
}

/* ---- where clients go ---- */

static const char two_and_a_bucket[] =
    "name = \"r\"; canonical = \"us\"; upstreams = {"
    "  eu = { url = \"https://eu\"; serves = \"EU\"; place = \"FR\"; };"
    "  us = { url = \"https://us\"; place = \"US\"; }; };"
    "buckets = ( { name = \"cdn\"; url = \"https://cdn/{digest}\"; serves = \"DE\"; },"
    "            { name = \"all\"; url = \"https://all/{digest}\"; serves = \"*\"; } );";

static const char *goes(const struct config *config, const struct destinations *all,
                        const char *place, enum pull_part part)
{
    place_index wanted = place_find(&config->places, slice_of(place), CODE_IS_COUNTRY);

    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].place == wanted)
            return all->list[i].target[part] ? all->list[i].target[part]->name : "nowhere";
    return "not asked";
}

static void check_destinations(void)
{
    struct config *config = config_of(two_and_a_bucket);
    struct destinations all;

    destinations_find(&all, config, NULL);
    is(goes(config, &all, "FR", PULL_IMAGE), "eu", "an image in France");
    is(goes(config, &all, "FR", PULL_LAYER), "all", "a layer: from the bucket for all");
    is(goes(config, &all, "DE", PULL_IMAGE), "eu", "an image in Germany");
    is(goes(config, &all, "DE", PULL_LAYER), "cdn", "a layer: the prober finds it in the bucket");
    is(goes(config, &all, "AF", PULL_IMAGE), "eu", "Afghanistan, not Africa, by distance");
    is(goes(config, &all, "aws:us-east-1", PULL_IMAGE), "us", "a region");
    is(goes(config, &all, "continent:EU", PULL_IMAGE), "not asked", "continents are no dots");
    destinations_free(&all);
    config_free(config);
}

static void check_unprobed(void)
{
    char text[1024];

    snprintf(text, sizeof text, "%s prober = \"off\";", two_and_a_bucket);
    struct config *config = config_of(text);
    struct destinations all;
    destinations_find(&all, config, NULL);
    is(goes(config, &all, "DE", PULL_LAYER), "eu", "without a prober, the rule's unsure decides");
    destinations_free(&all);
    config_free(config);
}

static void check_shared(void)
{
    struct config *config =
        config_of("name = \"r\"; canonical = \"us\"; upstreams = {"
                  "  eu = { url = \"https://eu\"; serves = \"EU\"; share = 0.7; };"
                  "  us = { url = \"https://us\"; }; };");
    struct destinations all;

    destinations_find(&all, config, NULL);
    for (size_t i = 0; i < all.count; i++) {
        if (all.list[i].place != place_find(&config->places, SLICE("FR"), CODE_IS_COUNTRY))
            continue;
        is(all.list[i].target[PULL_IMAGE]->name, "eu", "where a target takes a share, most count");
        ok(all.list[i].percent[PULL_IMAGE] > 50 && all.list[i].percent[PULL_IMAGE] < 90,
           "and it is told how many: %u %%", all.list[i].percent[PULL_IMAGE]);
    }
    destinations_free(&all);
    config_free(config);
}

/* ---- what stands where ---- */

static int count_close(const struct map_layout *layout)
{
    int close = 0;

    for (size_t i = 0; i < layout->dot_count; i++) {
        const struct map_dot *a = &layout->dots[i];
        for (size_t j = i + 1; j < layout->dot_count; j++)
            close += hypot(a->at.x - layout->dots[j].at.x, a->at.y - layout->dots[j].at.y) <
                     2 * MAP_DOT_RADIUS - 0.5;
    }
    return close;
}

static void check_layout(void)
{
    struct config *config = config_of(two_and_a_bucket);
    struct destinations all;
    struct map_layout layout, again;
    double farthest = 0;
    bool same = true;

    destinations_find(&all, config, NULL);
    map_layout_make(&layout, config, &all, PULL_LAYER);
    map_layout_make(&again, config, &all, PULL_LAYER);
    cmp_ok(layout.dot_count, ==, 250, "a dot for each country");
    cmp_ok(layout.mark_count, ==, 4, "a mark for each target");
    cmp_ok(count_close(&layout), ==, 0, "no dot lies upon another");
    for (size_t i = 0; i < layout.dot_count; i++) {
        const struct map_dot *dot = &layout.dots[i];
        farthest = fmax(farthest, hypot(dot->at.x - dot->home.x, dot->at.y - dot->home.y));
        same = same && memcmp(dot, &again.dots[i], sizeof *dot) == 0;
    }
    ok(farthest < 25, "none is far from home: %.1f", farthest);
    ok(same, "the same configuration comes out the same");
    ok(layout.marks[0].colour != layout.marks[1].colour, "targets differ in colour");
    ok(layout.marks[0].placed && layout.marks[2].placed && !layout.marks[3].placed,
       "a bucket stands where it serves first; one that serves all, at the foot");
    ok(!layout.marks[2].minor && layout.marks[2].countries == 1 && layout.marks[1].minor,
       "but somebody goes there");
    map_layout_free(&layout);
    map_layout_free(&again);
    destinations_free(&all);
    config_free(config);
}

int main(void)
{
    check_bounds();
    check_areas();
    check_plane();
    check_ways();
    check_land();
    check_destinations();
    check_unprobed();
    check_shared();
    check_layout();
    return done_testing();
}
