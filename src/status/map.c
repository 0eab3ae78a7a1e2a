/* SPDX-License-Identifier: Apache-2.0 */
#include "status/map.h"

#include <math.h>
#include "status/markup.h"

const char *map_part_word(enum pull_part part)
{
    return part == PULL_IMAGE ? "images" : "layers";
}

static const struct map_mark *mark_of(const struct map *map, const struct target *target)
{
    return target ? &map->layout->marks[target - map->config->targets] : NULL;
}

static const char *trouble_of(const struct map *map, const struct map_mark *mark)
{
    return map->trouble ? map->trouble[mark->number - 1] : NULL;
}

/* ---- the ground ---- */

static void write_ground(FILE *out)
{
    fputs("<path class=\"sea\" d=\"", out);
    map_write_globe(out);
    fputs("\"/>\n<path class=\"land\" d=\"", out);
    map_write_land(out);
    fputs("\"/>\n<path class=\"grid\" d=\"", out);
    map_write_grid(out);
    fputs("\"/>\n<path class=\"edge\" d=\"", out);
    map_write_globe(out);
    fputs("\"/>\n", out);
}

/* ---- countries ---- */

/* The dot of a country, NULL for a region; dots are in the order of places, as destinations are. */
static const struct map_dot *dot_of(const struct map *map, const struct destination *from,
                                    size_t *next)
{
    const struct map_layout *layout = map->layout;

    while (*next < layout->dot_count && layout->dots[*next].country < from->place)
        ++*next;
    return *next < layout->dot_count && layout->dots[*next].country == from->place
               ? &layout->dots[*next]
               : NULL;
}

static void write_ways_to(const struct map *map, const struct map_mark *mark, FILE *out)
{
    size_t next = 0;

    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        const struct map_dot *dot = dot_of(map, from, &next);
        if (dot && from->target[map->layout->part] == mark->target)
            map_write_way(out, place_fact(&map->config->places, from->place)->point, dot->at,
                          mark->point, mark->at);
    }
}

static void write_ways(const struct map *map, FILE *out)
{
    fputs("<g class=\"ways\">\n", out);
    for (size_t i = 0; i < map->layout->mark_count; i++) {
        const struct map_mark *mark = &map->layout->marks[i];
        if (!mark->placed)
            continue;
        fprintf(out, "<path class=\"k%u\" d=\"", mark->colour);
        write_ways_to(map, mark, out);
        fputs("\"/>\n", out);
    }
    fputs("</g>\n", out);
}

/* "images from eu (420 km)" */
static void write_source(const struct map *map, const struct destination *from, enum pull_part part,
                         FILE *out)
{
    const struct place_fact *fact = place_fact(&map->config->places, from->place);
    const struct target *target = from->target[part];

    fprintf(out, "%s from ", map_part_word(part));
    markup_text(out, target ? target->name : "nowhere");
    if (from->percent[part] < 100)
        fprintf(out, " for %u %% of the clients", from->percent[part]);
    if (target && target->place.has_point)
        fprintf(out, " (%.0f km)", place_distance_km(fact->point, target->place.point));
}

static void write_dot(const struct map *map, const struct destination *from,
                      const struct map_dot *dot, FILE *out)
{
    const struct map_mark *mark = mark_of(map, from->target[map->layout->part]);

    fputs("<circle class=\"", out);
    if (mark)
        fprintf(out, "k%u", mark->colour);
    else
        fputs("none", out);
    fprintf(out, "\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>", dot->at.x, dot->at.y,
            MAP_DOT_RADIUS);
    markup_text(out, place_fact(&map->config->places, from->place)->name);
    fputs(": ", out);
    write_source(map, from, PULL_IMAGE, out);
    fputs(", ", out);
    write_source(map, from, PULL_LAYER, out);
    fputs("</title></circle>\n", out);
}

static void write_countries(const struct map *map, FILE *out)
{
    size_t next = 0;

    fputs("<g class=\"countries\">\n", out);
    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        const struct map_dot *dot = dot_of(map, from, &next);
        if (dot)
            write_dot(map, from, dot, out);
    }
    fputs("</g>\n", out);
}

/* ---- targets ---- */

static void write_shape(const struct map_mark *mark, double radius, FILE *out)
{
    if (mark->target->kind == TARGET_UPSTREAM)
        fprintf(out, "<circle r=\"%.1f\"/>", radius);
    else
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"/>",
                -0.9 * radius, -0.9 * radius, 1.8 * radius, 1.8 * radius);
}

void map_write_mark(const struct map *map, const struct map_mark *mark, double radius,
                    struct spot at, FILE *out)
{
    bool out_of_service = trouble_of(map, mark) != NULL;

    fprintf(out, "<g class=\"mark k%u%s\" transform=\"translate(%.1f,%.1f)\">", mark->colour,
            out_of_service ? " out" : "", at.x, at.y);
    write_shape(mark, radius, out);
    if (out_of_service)
        fprintf(out, "<path class=\"cross\" d=\"M%.1f,%.1fL%.1f,%.1f\"/>", -radius, radius, radius,
                -radius);
    if (radius >= MAP_MARK_RADIUS)
        fprintf(out, "<text y=\"%.1f\" font-size=\"%.0f\">%u</text>", 0.4 * radius, 1.2 * radius,
                mark->number);
    fputs("</g>", out);
}

static void write_place(const struct map *map, const struct map_mark *mark, FILE *out)
{
    const struct target *target = mark->target;
    const struct place_fact *region = place_fact(&map->config->places, target->place.region);
    const struct place_fact *country = place_fact(&map->config->places, target->place.country);

    if (region && *region->name)
        fputs(", ", out), markup_text(out, region->name);
    if (country)
        fputs(", ", out), markup_text(out, country->name);
    if (!target->place.has_point)
        fputs(mark->placed ? ", shown where its clients are" : ", at an unknown place", out);
}

static void write_mark_title(const struct map *map, const struct map_mark *mark, FILE *out)
{
    const char *trouble = trouble_of(map, mark);

    fprintf(out, "<title>%u: %s ", mark->number,
            mark->target->kind == TARGET_UPSTREAM ? "upstream" : "bucket");
    markup_text(out, mark->target->name);
    write_place(map, mark, out);
    if (trouble)
        fprintf(out, " (%s)", trouble);
    fputs(": ", out);
    map_legend_counts(map, mark->target, out);
    fputs("</title>", out);
}

static void write_line(const char *class, struct spot from, struct spot to, FILE *out)
{
    fprintf(out, "<path class=\"%s\" d=\"M%.1f,%.1fL%.1f,%.1f\"/>", class, from.x, from.y, to.x,
            to.y);
}

static void write_label(const struct map_mark *mark, FILE *out)
{
    const struct map_label *label = &mark->label;

    if (label->far)
        write_line("leader", mark->at, label->knee, out);
    fprintf(out, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\">", label->at.x,
            label->at.y, label->size);
    markup_text(out, mark->target->name);
    fputs("</text>", out);
}

static void write_wide(const struct map *map, const struct map_mark *mark, FILE *out)
{
    double radius = map_mark_radius(mark);

    fputs("<g class=\"wide\">", out);
    write_mark_title(map, mark, out);
    if (hypot(mark->at.x - mark->home.x, mark->at.y - mark->home.y) > radius)
        write_line("leader", mark->home, mark->at, out);
    map_write_mark(map, mark, radius, mark->at, out);
    write_label(mark, out);
    fputs("</g>\n", out);
}

static void write_small(const struct map *map, const struct map_mark *mark, FILE *out)
{
    double radius = mark->minor ? MAP_MINOR_RADIUS : MAP_BADGE_RADIUS;

    fputs("<g class=\"small\">", out);
    write_mark_title(map, mark, out);
    if (hypot(mark->badge.x - mark->home.x, mark->badge.y - mark->home.y) > radius)
        write_line("leader", mark->home, mark->badge, out);
    map_write_mark(map, mark, radius, mark->badge, out);
    fputs("</g>\n", out);
}

/* Those that nobody goes to first, so that they lie below the others. */
static void write_targets(const struct map *map, FILE *out)
{
    const struct map_layout *layout = map->layout;

    fputs("<g class=\"targets\">\n", out);
    for (int major = 0; major <= 1; major++)
        for (size_t i = 0; i < layout->mark_count; i++) {
            if (layout->marks[i].minor == major)
                continue;
            write_wide(map, &layout->marks[i], out);
            write_small(map, &layout->marks[i], out);
        }
    fputs("</g>\n", out);
}

/* ---- the whole ---- */

/* ---- the legend: what the marks mean, below the map, in a small and in a big type ---- */

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

/* How high a map with its legend is, and the same for a small picture. */
static int map_legend_bottom(const struct map *map)
{
    return TOP + rows(map) * ROW;
}

static int map_legend_bottom_small(const struct map *map)
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

static void map_legend_write(const struct map *map, FILE *out)
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

/* ---- the picture ---- */

static void write_head(const struct map *map, int bottom, FILE *out)
{
    const char *word = map_part_word(map->layout->part);

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map\" role=\"img\" "
            "aria-labelledby=\"%s-title %s-desc\" viewBox=\"0 0 %d %d\" "
            "preserveAspectRatio=\"xMidYMin\">\n<title id=\"%s-title\">Where %s of ",
            word, word, MAP_WIDTH, bottom, word, word);
    markup_slice(out, map->config->name);
    fprintf(out,
            " come from</title>\n<desc id=\"%s-desc\">A map of the world with %zu targets and a "
            "dot for each of %zu countries, in the colour of the target that its clients "
            "are sent to.</desc>\n",
            word, map->layout->mark_count, map->layout->dot_count);
}

static void write_body(const struct map *map, FILE *out)
{
    write_ground(out);
    write_ways(map, out);
    write_countries(map, out);
    write_targets(map, out);
}

void map_write(const struct map *map, FILE *out)
{
    write_head(map, MAP_HEIGHT, out);
    write_body(map, out);
    fputs("</svg>\n", out);
}

/* As wide as the window, however high that makes it: it can be scrolled. */
static void write_file_style(const struct map *map, FILE *out)
{
    fprintf(out,
            "<style>%ssvg.map{width:100%%;height:%.1fvw}@media (max-width:640px) and "
            "(max-aspect-ratio:1/1){svg.map{height:%.1fvw}}</style>\n",
            map_style, 100.0 * map_legend_bottom(map) / MAP_WIDTH,
            100.0 * map_legend_bottom_small(map) / MAP_WIDTH);
}

void map_write_file(const struct map *map, FILE *out)
{
    write_head(map, map_legend_bottom(map), out);
    write_file_style(map, out);
    write_body(map, out);
    map_legend_write(map, out);
    fputs("</svg>\n", out);
}
