/* SPDX-License-Identifier: Apache-2.0 */
#include "status/map_spread.h"

#include <math.h>

enum { ROUNDS = 80 };

static const double GAP = 0.6, PULL = 0.06;

/* A direction for two discs at the same spot, another one for each pair. */
static struct spot direction(size_t i, size_t j)
{
    double angle = 2.399963 * (double)(i * 31 + j); /* the golden angle */

    return (struct spot){cos(angle), sin(angle)};
}

static void push_apart(struct disc *discs, size_t i, size_t j)
{
    struct disc *a = &discs[i], *b = &discs[j];
    double dx = b->at.x - a->at.x, dy = b->at.y - a->at.y, want = a->radius + b->radius + GAP;

    if (fabs(dx) >= want || fabs(dy) >= want || (a->fixed && b->fixed))
        return;
    double distance = hypot(dx, dy);
    if (distance >= want)
        return;
    struct spot way =
        distance > 1e-6 ? (struct spot){dx / distance, dy / distance} : direction(i, j);
    double part = a->fixed ? 0 : b->fixed ? 1 : 0.5, missing = want - distance;
    a->at.x -= part * missing * way.x;
    a->at.y -= part * missing * way.y;
    b->at.x += (1 - part) * missing * way.x;
    b->at.y += (1 - part) * missing * way.y;
}

void map_spread(struct disc *discs, size_t count)
{
    for (int round = 0; round < ROUNDS; round++) {
        double pull = round < ROUNDS / 2 ? PULL : 0; /* the rest is for pushing alone */
        for (size_t i = 0; i < count; i++) {
            if (discs[i].fixed)
                continue;
            discs[i].at.x += pull * (discs[i].home.x - discs[i].at.x);
            discs[i].at.y += pull * (discs[i].home.y - discs[i].at.y);
        }
        for (size_t i = 0; i < count; i++)
            for (size_t j = i + 1; j < count; j++)
                push_apart(discs, i, j);
    }
}
