/* SPDX-License-Identifier: Apache-2.0 */
/* What the marks of a map mean, below the map, in a small and in a big type. */
#ifndef STATUS_MAP_LEGEND_H
#define STATUS_MAP_LEGEND_H

#include "status/map.h"

/* How high a map with its legend is, and the same for a small picture. */
int map_legend_bottom(const struct map *map);
int map_legend_bottom_small(const struct map *map);

void map_legend_write(const struct map *map, FILE *out);

/* How many countries and cloud regions get something from a target, as words for people. */
void map_legend_counts(const struct map *map, const struct target *target, FILE *out);

#endif
