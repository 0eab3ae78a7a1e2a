/* SPDX-License-Identifier: Apache-2.0 */
#include "status/equal_earth.h"

#include <math.h>

static const double RADIAN = M_PI / 180;

/* The polynomial's coefficients, as published. */
static const double A1 = 1.340264, A2 = -0.081106, A3 = 0.000893, A4 = 0.003796;

const struct spot EQUAL_EARTH_EXTENT = {2.7066299836960748, 1.3173627591574133};

struct spot equal_earth(double latitude, double longitude)
{
    double root = sqrt(3) / 2;
    double t = asin(root * sin(latitude * RADIAN));
    double t2 = t * t, t6 = t2 * t2 * t2;
    double slope = A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2);

    return (struct spot){longitude * RADIAN * cos(t) / (root * slope),
                         t * (A1 + A2 * t2 + t6 * (A3 + A4 * t2))};
}
