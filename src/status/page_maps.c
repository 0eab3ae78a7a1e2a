/* SPDX-License-Identifier: Apache-2.0 */
/* The maps, and what they show as lists, for those who cannot see them. */
#include "status/page_parts.h"

#include "status/atlas.h"
#include "status/markup.h"

static void write_figure(const struct status *status, enum pull_part part, const char *caption,
                         FILE *out)
{
    struct slice svg = atlas_svg(status->atlas, part);

    fputs("<figure>\n", out);
    fwrite(svg.at, 1, svg.len, out);
    fprintf(out, "<figcaption>%s</figcaption>\n</figure>\n", caption);
}

/* The names of the countries that get this part from a target. */
static size_t write_countries(const struct map *map, const struct target *target,
                              enum pull_part part, FILE *out)
{
    size_t count = 0;

    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        const struct place_fact *fact = place_fact(&map->config->places, from->place);
        if (fact->kind != PLACE_COUNTRY || from->target[part] != target)
            continue;
        if (out) {
            fputs(count ? ", " : "", out);
            markup_text(out, fact->name);
        }
        count++;
    }
    return count;
}

static void write_part(const struct map *map, const struct target *target, const char *what,
                       enum pull_part part, FILE *out)
{
    size_t count = write_countries(map, target, part, NULL);

    if (count == 0)
        return;
    fprintf(out, "<dd>%s for %zu %s: ", what, count, count == 1 ? "country" : "countries");
    write_countries(map, target, part, out);
    fputs(".</dd>\n", out);
}

/* Whether the same countries get both parts from a target. */
static bool parts_agree(const struct map *map, const struct target *target)
{
    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        if ((from->target[PULL_IMAGE] == target) != (from->target[PULL_LAYER] == target) &&
            place_fact(&map->config->places, from->place)->kind == PLACE_COUNTRY)
            return false;
    }
    return true;
}

static void write_entry(const struct map *map, const struct target *target, FILE *out)
{
    if (!write_countries(map, target, PULL_IMAGE, NULL) &&
        !write_countries(map, target, PULL_LAYER, NULL))
        return;
    fputs("<dt>", out);
    markup_text(out, target->name);
    fputs("</dt>\n", out);
    if (parts_agree(map, target)) {
        write_part(map, target, "Images and layers", PULL_IMAGE, out);
        return;
    }
    write_part(map, target, "Images", PULL_IMAGE, out);
    write_part(map, target, "Layers", PULL_LAYER, out);
}

static void write_list(const struct map *map, FILE *out)
{
    fputs("<details>\n<summary>Which country goes where, as a list</summary>\n<dl>\n", out);
    for (size_t i = 0; i < map->config->target_count; i++)
        write_entry(map, &map->config->targets[i], out);
    fputs("</dl>\n</details>\n", out);
}

void page_write_maps(const struct status *status, FILE *out)
{
    if (!status->atlas || atlas_svg(status->atlas, PULL_IMAGE).len == 0)
        return;
    struct map map = atlas_map(status->atlas, PULL_IMAGE);
    bool layers =
        atlas_layers_differ(status->atlas) && atlas_svg(status->atlas, PULL_LAYER).len > 0;
    fputs("<section aria-labelledby=\"map\">\n", out);
    page_write_heading(out, "map", "Where clients go now");
    write_figure(status, PULL_IMAGE,
                 "Images, by tag. Each dot is a country, in the colour of its target, and a thin "
                 "line leads there. Circles are upstreams, squares buckets; the numbers are those "
                 "of the table; what is crossed out gets no requests.",
                 out);
    if (layers)
        write_figure(status, PULL_LAYER, "Layers, which are most of the bytes.", out);
    write_list(&map, out);
    fputs("</section>\n", out);
}
