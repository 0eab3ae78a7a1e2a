/* SPDX-License-Identifier: Apache-2.0 */
/* A world map as SVG: the targets, and which country's clients go where. */
#ifndef STATUS_MAP_H
#define STATUS_MAP_H

#include <stdio.h>
#include "status/destinations.h"
#include "status/map_layout.h"

/* What a map shows. All is borrowed. */
struct map {
    const struct config *config;
    const struct map_layout *layout; /* and which part of a pull it is about */
    const struct destinations *destinations;
    const char *const *trouble; /* for each target a word, "down", or NULL; NULL: all are fine */
};

/* Writes the svg element for a page that has map_style in a style element. */
void map_write(const struct map *map, FILE *out);

/* Writes a file that stands for itself, with a legend. */
void map_write_file(const struct map *map, FILE *out);

/* A target's mark by itself, for a legend. */
void map_write_mark(const struct map *map, const struct map_mark *mark, double radius,
                    struct spot at, FILE *out);

/* How many countries and cloud regions get something from a target, as words for people. */
void map_legend_counts(const struct map *map, const struct target *target, FILE *out);

/* What the part of a pull is called: "images", "layers". */
const char *map_part_word(enum pull_part part);

/* The style sheet, and its SHA-256 in base64, for a Content-Security-Policy. */
extern const char map_style[], map_style_hash[];

#endif
