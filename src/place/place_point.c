/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Degrees to a unit vector, without libm: to load that library would be a tenth
 * of the start of a CGI program.
 */
#include "place/place.h"

static const double RADIAN = 0.017453292519943295769; /* pi / 180 */

/* Taylor's series; enough for a float from -pi/4 to pi/4. */
static double sine_near_zero(double x)
{
    double y = x * x;
    return x * (1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110)))));
}

static double cosine_near_zero(double x)
{
    double y = x * x;
    return 1 - y / 2 * (1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132)))));
}

/* The sine and cosine of an angle from -180 to 180 degrees. */
static void sine_cosine(double degrees, double *sine, double *cosine)
{
    int quarters = (int)(degrees / 90 + (degrees < 0 ? -0.5 : 0.5));
    double rest = (degrees - 90 * quarters) * RADIAN;
    double s = sine_near_zero(rest), c = cosine_near_zero(rest);

    switch (quarters & 3) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
    }
}

bool place_point(double latitude, double longitude, float out[3])
{
    double sin_lat, cos_lat, sin_lon, cos_lon;

    /* Written so that NaN fails. */
    if (!(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180))
        return false;
    sine_cosine(latitude, &sin_lat, &cos_lat);
    sine_cosine(longitude, &sin_lon, &cos_lon);
    out[0] = (float)(cos_lat * cos_lon);
    out[1] = (float)(cos_lat * sin_lon);
    out[2] = (float)sin_lat;
    return true;
}
