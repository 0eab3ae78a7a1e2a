/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Equal Earth projection: areas keep their sizes, and land looks as people
 * know it. B. Šavrič, T. Patterson, B. Jenny, "The Equal Earth map projection",
 * International Journal of Geographical Information Science 33(3), 2019,
 * doi:10.1080/13658816.2018.1504949.
 */
#ifndef STATUS_EQUAL_EARTH_H
#define STATUS_EQUAL_EARTH_H

/* A point of a plane. */
struct spot {
    double x, y;
};

/* The greatest x and y, at the equator's end and at the pole, on a sphere of radius 1. */
extern const struct spot EQUAL_EARTH_EXTENT;

/*
 * Where a point of a sphere of radius 1 is on the plane; x grows eastwards, y northwards.
 * Degrees; the longitude is from the map's middle, -180 to 180.
 */
struct spot equal_earth(double latitude, double longitude);

#endif
