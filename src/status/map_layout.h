/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands where on the map: a dot for each country, a mark for each target, none
 * upon another, and the marks' labels. It follows from the configuration alone.
 */
#ifndef STATUS_MAP_LAYOUT_H
#define STATUS_MAP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include "config/configuration.h"
#include "status/destinations.h"
#include "status/map_plane.h"

enum {
    MAP_COLOURS = 7, /* that everybody can tell apart; see map.css */
    MAP_DOT_RADIUS = 4,
    MAP_MARK_RADIUS = 8,
    MAP_MINOR_RADIUS = 4,  /* of marks where few or none go */
    MAP_BADGE_RADIUS = 17, /* of marks in a small picture */
    MAP_LABEL_SIZE = 10    /* of the type */
};

struct map_dot {
    place_index country;
    struct spot home, at; /* where it belongs, and where there is room for it */
};

struct map_label {
    struct spot at;   /* where its text begins, at the base line */
    struct spot knee; /* the point of its frame that is nearest to the mark */
    double size;      /* of the type */
    bool far;         /* a line leads to the mark */
};

struct map_mark {
    const struct target *target;
    unsigned number;  /* its place in the configuration, from 1 */
    unsigned colour;  /* below MAP_COLOURS */
    size_t countries; /* that go there while all targets are up, for all parts of a pull */
    bool minor;       /* few or none do, for this part */
    bool placed;      /* it stands at a place of the globe; else at the picture's foot */
    float point[3];   /* unit vector: where the target is, else the first place that it serves */
    struct spot home, at;
    struct spot badge; /* where its mark is in a small picture */
    struct map_label label;
};

struct map_layout {
    enum pull_part part;
    struct map_dot *dots;
    struct map_mark *marks; /* of all targets, in their order */
    size_t dot_count, mark_count;
};

/*
 * Makes the layout for a map of where this part of a pull comes from; usual says where,
 * while all targets are up. Borrows the targets. False if there is no memory.
 */
bool map_layout_make(struct map_layout *layout, const struct config *config,
                     const struct destinations *usual, enum pull_part part);

void map_layout_free(struct map_layout *layout);

/* How big a mark is on the map. */
double map_mark_radius(const struct map_mark *mark);

#endif
