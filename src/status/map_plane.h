/* SPDX-License-Identifier: Apache-2.0 */
/* The map's plane: units of a picture 1000 wide, x to the right and y downwards. */
#ifndef STATUS_MAP_PLANE_H
#define STATUS_MAP_PLANE_H

#include <stdio.h>
#include "status/equal_earth.h"

enum { MAP_WIDTH = 1000, MAP_HEIGHT = 492, MAP_MARGIN = 3 };

/* Where a point of the globe is on the map. Degrees; any longitude. */
struct spot map_spot(double latitude, double longitude);

/* The same for a unit vector. */
struct spot map_spot_of(const float point[3]);

/* The outline of the globe, the parallels and meridians, the land: data of SVG paths. */
void map_write_globe(FILE *out);
void map_write_grid(FILE *out);
void map_write_land(FILE *out);

/*
 * The shortest way over the globe between two places, as path data. It begins and ends
 * at spots that may lie a little beside them. A way over the map's edge comes in
 * again on the other side.
 */
void map_write_way(FILE *out, const float from[3], struct spot start, const float to[3],
                   struct spot end);

#endif
