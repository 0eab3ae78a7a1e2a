/* SPDX-License-Identifier: Apache-2.0 */
/* By itself, since only the tools need kilometres, and so libm. */
#include "place/place.h"

#include <math.h>

static const double EARTH_RADIUS_KM = 6371.0088;

double place_distance_km(const float a[3], const float b[3])
{
    double apart = 0, together = 0;

    /* Twice the half angle, from chords: as exact for near places as for opposite ones. */
    for (int i = 0; i < 3; i++) {
        double minus = (double)a[i] - (double)b[i], plus = (double)a[i] + (double)b[i];
        apart += minus * minus;
        together += plus * plus;
    }
    return 2 * EARTH_RADIUS_KM * atan2(sqrt(apart), sqrt(together));
}
