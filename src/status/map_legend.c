/* SPDX-License-Identifier: Apache-2.0 */
#include "status/map_legend.h"

#include <stdbool.h>
#include "status/markup.h"

enum {
    TOP = MAP_HEIGHT + 44,
    COLUMNS = 2,
    COLUMN = MAP_WIDTH / COLUMNS,
    ROW = 21,
    SMALL_TOP = MAP_HEIGHT + 190,
    SMALL_ROW = 84
};

static int rows(const struct map *map)
{
    return (int)(map->layout->mark_count + COLUMNS - 1) / COLUMNS;
}

int map_legend_bottom(const struct map *map)
{
    return TOP + rows(map) * ROW;
}

int map_legend_bottom_small(const struct map *map)
{
    return SMALL_TOP + (int)map->layout->mark_count * SMALL_ROW;
}

struct counts {
    size_t countries, regions;
};

static struct counts count(const struct map *map, const struct target *target, enum pull_part part)
{
    struct counts counts = {0, 0};

    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        if (from->target[part] != target)
            continue;
        if (place_fact(&map->config->places, from->place)->kind == PLACE_COUNTRY)
            counts.countries++;
        else
            counts.regions++;
    }
    return counts;
}

static bool is_none(struct counts counts)
{
    return counts.countries == 0 && counts.regions == 0;
}

static void write_counts(const char *what, struct counts counts, FILE *out)
{
    fprintf(out, "%s: ", what);
    if (counts.countries)
        fprintf(out, "%zu %s", counts.countries, counts.countries == 1 ? "country" : "countries");
    if (counts.countries && counts.regions)
        fputs(", ", out);
    if (counts.regions)
        fprintf(out, "%zu region%s", counts.regions, counts.regions == 1 ? "" : "s");
}

void map_legend_counts(const struct map *map, const struct target *target, FILE *out)
{
    struct counts images = count(map, target, PULL_IMAGE), layers = count(map, target, PULL_LAYER);

    if (is_none(images) && is_none(layers)) {
        fputs("no place\xe2\x80\x99s first choice", out);
    } else if (images.countries == layers.countries && images.regions == layers.regions) {
        write_counts("images and layers", images, out);
    } else {
        if (!is_none(images))
            write_counts("images", images, out);
        if (!is_none(images) && !is_none(layers))
            fputs("; ", out);
        if (!is_none(layers))
            write_counts("layers", layers, out);
    }
}

static void write_note(const struct map *map, FILE *out)
{
    const char *word = map_part_word(map->layout->part);

    fprintf(
        out,
        "<text class=\"wide\" x=\"8\" y=\"%d\">Each dot is a country, in the colour of the target "
        "that its %s come from; a thin line leads there. Colours come again far away. "
        "Regions are clouds’.</text>\n",
        MAP_HEIGHT + 20, word);
    fprintf(out,
            "<g class=\"small\"><text x=\"8\" y=\"%d\">Each dot is a country, in the colour of the "
            "target that</text><text x=\"8\" y=\"%d\">its %s come from; a thin line leads there. "
            "Colours come</text><text x=\"8\" y=\"%d\">again far away. Regions are clouds’."
            "</text></g>\n",
            MAP_HEIGHT + 50, MAP_HEIGHT + 90, word, MAP_HEIGHT + 130);
}

static void write_name(const struct map *map, const struct map_mark *mark, FILE *out)
{
    const char *trouble = map->trouble ? map->trouble[mark->number - 1] : NULL;

    fputs("<tspan class=\"name\">", out);
    markup_text(out, mark->target->name);
    fputs("</tspan>", out);
    if (trouble)
        fprintf(out, " (%s)", trouble);
    if (!mark->placed && mark->target->kind == TARGET_UPSTREAM)
        fputs(" (at an unknown place)", out);
}

static void write_row(const struct map *map, const struct map_mark *mark, FILE *out)
{
    int n = (int)mark->number - 1, per_column = rows(map);
    struct spot at = {16 + n / per_column * COLUMN, TOP + n % per_column * ROW};

    map_write_mark(map, mark, MAP_MARK_RADIUS, at, out);
    fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">", at.x + 14, at.y + 4);
    write_name(map, mark, out);
    fputs(" · ", out);
    map_legend_counts(map, mark->target, out);
    fputs("</text>\n", out);
}

static void write_small_row(const struct map *map, const struct map_mark *mark, FILE *out)
{
    int y = SMALL_TOP + ((int)mark->number - 1) * SMALL_ROW;

    map_write_mark(map, mark, MAP_BADGE_RADIUS, (struct spot){28, y}, out);
    fprintf(out, "<text x=\"62\" y=\"%d\">", y - 6);
    write_name(map, mark, out);
    fprintf(out, "</text><text x=\"62\" y=\"%d\">", y + 30);
    map_legend_counts(map, mark->target, out);
    fputs("</text>\n", out);
}

void map_legend_write(const struct map *map, FILE *out)
{
    fputs("<g class=\"legend\">\n", out);
    write_note(map, out);
    fputs("<g class=\"wide\">\n", out);
    for (size_t i = 0; i < map->layout->mark_count; i++)
        write_row(map, &map->layout->marks[i], out);
    fputs("</g>\n<g class=\"small\">\n", out);
    for (size_t i = 0; i < map->layout->mark_count; i++)
        write_small_row(map, &map->layout->marks[i], out);
    fputs("</g>\n</g>\n", out);
}
