/* SPDX-License-Identifier: Apache-2.0 */
#include "status/map_plane.h"

#include <math.h>
#include <stdbool.h>
#include "status/land.h"

enum {
    MERIDIAN_MIDDLE = LAND_EDGE + 180,
    GRID_STEP = 30, /* degrees between lines */
    EDGE_STEP = 6,  /* degrees along a curved line */
    WAY_STEP = 5,   /* degrees along a way */
    WAY_STEPS_MAX = 40
};

static const double DEGREE = 180 / M_PI;

static double scale(void)
{
    return (MAP_WIDTH / 2 - MAP_MARGIN) / EQUAL_EARTH_EXTENT.x;
}

/* The longitude from the map's middle; 180 at its right edge. */
static struct spot spot_from_middle(double latitude, double longitude)
{
    struct spot spot = equal_earth(latitude, longitude);

    return (struct spot){MAP_WIDTH / 2 + scale() * spot.x, MAP_HEIGHT / 2 - scale() * spot.y};
}

static double from_middle(double longitude)
{
    return remainder(longitude - MERIDIAN_MIDDLE, 360);
}

struct spot map_spot(double latitude, double longitude)
{
    return spot_from_middle(latitude, from_middle(longitude));
}

struct spot map_spot_of(const float point[3])
{
    double x = (double)point[0], y = (double)point[1], z = (double)point[2];

    return map_spot(atan2(z, hypot(x, y)) * DEGREE, atan2(y, x) * DEGREE);
}

static void write_spot(FILE *out, char command, struct spot spot)
{
    fprintf(out, "%c%.1f,%.1f", command, spot.x, spot.y);
}

static void write_meridian(FILE *out, double longitude, int from, int to, char command)
{
    int step = from < to ? EDGE_STEP : -EDGE_STEP;

    for (int latitude = from; latitude != to + step; latitude += step) {
        write_spot(out, command, spot_from_middle(latitude, longitude));
        command = 'L';
    }
}

void map_write_globe(FILE *out)
{
    write_meridian(out, -180, -90, 90, 'M');
    write_meridian(out, 180, 90, -90, 'L');
    fputc('Z', out);
}

void map_write_grid(FILE *out)
{
    for (int latitude = GRID_STEP - 90; latitude < 90; latitude += GRID_STEP) {
        write_spot(out, 'M', spot_from_middle(latitude, -180));
        write_spot(out, 'L', spot_from_middle(latitude, 180));
    }
    for (int longitude = -180; longitude < 180; longitude += GRID_STEP)
        if (fabs(from_middle(longitude)) < 179)
            write_meridian(out, from_middle(longitude), -90, 90, 'M');
}

void map_write_land(FILE *out)
{
    char command = 'M';

    for (size_t i = 0; i < land_count; i++) {
        struct land_point point = land_points[i];
        if (point.latitude == LAND_END) {
            fputc('Z', out);
            command = 'M';
            continue;
        }
        double longitude = point.longitude / 10.0 - MERIDIAN_MIDDLE;
        write_spot(out, command, spot_from_middle(point.latitude / 10.0, longitude));
        command = 'L';
    }
}

/* A unit vector on the way from one to the other; the angle between them is in radians. */
static void along(const float from[3], const float to[3], double angle, double part, float out[3])
{
    double a = sin((1 - part) * angle) / sin(angle), b = sin(part * angle) / sin(angle);

    for (int i = 0; i < 3; i++)
        out[i] = (float)(a * (double)from[i] + b * (double)to[i]);
}

/* What the ends are off their places is spread over the way. */
static struct spot shift(struct spot spot, struct spot off_start, struct spot off_end, double part)
{
    return (struct spot){spot.x + (1 - part) * off_start.x + part * off_end.x,
                         spot.y + (1 - part) * off_start.y + part * off_end.y};
}

static struct spot minus(struct spot a, struct spot b)
{
    return (struct spot){a.x - b.x, a.y - b.y};
}

static void write_steps(FILE *out, const float from[3], const float to[3], double angle,
                        struct spot off_start, struct spot off_end)
{
    int steps = (int)ceil(angle * DEGREE / WAY_STEP);
    struct spot before = map_spot_of(from);

    steps = steps < 1 ? 1 : steps > WAY_STEPS_MAX ? WAY_STEPS_MAX : steps;
    for (int i = 1; i <= steps; i++) {
        double part = (double)i / steps;
        float point[3];
        along(from, to, angle, part, point);
        struct spot spot = map_spot_of(point);
        bool over_the_edge = fabs(spot.x - before.x) > MAP_WIDTH / 2;
        write_spot(out, over_the_edge ? 'M' : 'L', shift(spot, off_start, off_end, part));
        before = spot;
    }
}

void map_write_way(FILE *out, const float from[3], struct spot start, const float to[3],
                   struct spot end)
{
    double dot = 0;

    for (int i = 0; i < 3; i++)
        dot += (double)from[i] * (double)to[i];
    double angle = acos(fmax(-1, fmin(1, dot)));

    write_spot(out, 'M', start);
    if (angle * DEGREE < WAY_STEP || angle * DEGREE > 179.9)
        write_spot(out, 'L', end);
    else
        write_steps(out, from, to, angle, minus(start, map_spot_of(from)),
                    minus(end, map_spot_of(to)));
}
