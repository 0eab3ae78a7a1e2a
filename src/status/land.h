/* SPDX-License-Identifier: Apache-2.0 */
/* The outlines of the land, for maps; made by land.awk of land.txt. */
#ifndef STATUS_LAND_H
#define STATUS_LAND_H

#include <stddef.h>
#include <stdint.h>

enum {
    LAND_END = INT16_MAX, /* the latitude behind the last point of an outline */
    LAND_EDGE = -169      /* degrees: longitudes go from here once around */
};

/* Tenths of degrees. */
struct land_point {
    int16_t latitude, longitude;
};

extern const size_t land_count;
extern const struct land_point land_points[];

#endif
