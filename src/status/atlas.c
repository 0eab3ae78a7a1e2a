/* SPDX-License-Identifier: Apache-2.0 */
#include "status/atlas.h"

#include <math.h>
#include <stdlib.h>
#include "status/status.h"

struct atlas {
    const struct config *config;
    struct map_layout layout[PULL_PARTS];
    struct destinations now;
    struct health *health;
    struct knowledge knowledge; /* what responders know of the targets, and no more */
    const char *trouble[TARGETS_MAX];
    double takes[TARGETS_MAX];
    long extra[TARGETS_MAX]; /* twentieths of what a target accepts for others */
    char *svg[PULL_PARTS];
    size_t svg_len[PULL_PARTS];
    bool drawn;
};

struct atlas *atlas_new(const struct config *config)
{
    struct atlas *atlas = calloc(1, sizeof *atlas);
    struct destinations usual = {0};
    bool fine = atlas && destinations_find(&usual, config, NULL);

    if (atlas) {
        atlas->config = config;
        atlas->health = health_new(config->targets, config->target_count);
        fine = fine && atlas->health;
    }
    for (int part = 0; fine && part < PULL_PARTS; part++)
        fine = map_layout_make(&atlas->layout[part], config, &usual, (enum pull_part)part);
    destinations_free(&usual);
    if (fine)
        return atlas;
    atlas_free(atlas);
    return NULL;
}

void atlas_free(struct atlas *atlas)
{
    if (!atlas)
        return;
    for (int part = 0; part < PULL_PARTS; part++) {
        map_layout_free(&atlas->layout[part]);
        free(atlas->svg[part]);
    }
    destinations_free(&atlas->now);
    health_free(atlas->health);
    free(atlas);
}

struct map atlas_map(const struct atlas *atlas, enum pull_part part)
{
    return (struct map){.config = atlas->config,
                        .layout = &atlas->layout[part],
                        .destinations = &atlas->now,
                        .trouble = atlas->trouble};
}

struct slice atlas_svg(const struct atlas *atlas, enum pull_part part)
{
    return (struct slice){atlas->svg[part], atlas->svg_len[part]};
}

bool atlas_layers_differ(const struct atlas *atlas)
{
    for (size_t i = 0; i < atlas->now.count; i++) {
        const struct destination *from = &atlas->now.list[i];
        const struct target *layers = from->target[PULL_LAYER];
        if (layers && layers != from->target[PULL_IMAGE] &&
            atlas->layout[PULL_LAYER].marks[layers - atlas->config->targets].placed &&
            place_fact(&atlas->config->places, from->place)->kind == PLACE_COUNTRY)
            return true;
    }
    return false;
}

/* ---- what has changed ---- */

/* Whether clients may go elsewhere than when the map was drawn. */
static bool note_targets(struct atlas *atlas, const struct status *status)
{
    bool changed = false;

    for (size_t i = 0; i < status->target_count; i++) {
        const struct status_target *now = &status->target[i];
        bool is_out = now->drained || now->health.state == HEALTH_DOWN;
        const char *trouble = is_out ? status_word(&now->health, now->drained) : NULL;
        long extra = lrint(20 * now->health.extra);
        changed = changed || trouble != atlas->trouble[i] || now->takes < atlas->takes[i] ||
                  now->takes > atlas->takes[i] || extra != atlas->extra[i];
        atlas->trouble[i] = trouble;
        atlas->takes[i] = now->takes;
        atlas->extra[i] = extra;
        atlas->knowledge.control.wish[i] = (struct wish){now->drained, (float)now->share};
        health_put(atlas->health, now->target, &now->health);
    }
    return changed;
}

static bool draw(struct atlas *atlas, enum pull_part part)
{
    char *svg = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&svg, &len);
    struct map map = atlas_map(atlas, part);

    if (!out)
        return false;
    map_write(&map, out);
    if (fclose(out) != 0 || !svg) { /* NULL: there was no memory at its end */
        free(svg);
        return false;
    }
    free(atlas->svg[part]);
    atlas->svg[part] = svg;
    atlas->svg_len[part] = len;
    return true;
}

bool atlas_refresh(struct atlas *atlas, const struct status *status)
{
    struct destinations now;

    if (!note_targets(atlas, status) && atlas->drawn)
        return true;
    atlas->knowledge.config = atlas->knowledge.control.config = atlas->config;
    atlas->knowledge.now = (struct instant){.wall_s = status->now_s};
    atlas->knowledge.health = atlas->health;
    if (!destinations_find(&now, atlas->config, &atlas->knowledge))
        return false;
    destinations_free(&atlas->now);
    atlas->now = now;
    atlas->drawn =
        draw(atlas, PULL_IMAGE) && (!atlas_layers_differ(atlas) || draw(atlas, PULL_LAYER));
    return atlas->drawn;
}
