/* SPDX-License-Identifier: Apache-2.0 */
#include "status/map_layout.h"

#include <math.h>
#include <stdlib.h>
#include "status/map_spread.h"

/* Marks of targets that nobody knows the place of stand in a row, bottom left. */
static struct spot foot(size_t turn)
{
    return (struct spot){14 + 22 * (double)turn, MAP_HEIGHT - 12};
}

static void add_dots(struct map_layout *layout, const struct config *config)
{
    for (int i = 0; i < place_count(&config->places); i++) {
        const struct place_fact *fact = place_fact(&config->places, (place_index)i);
        if (fact->kind != PLACE_COUNTRY || !fact->has_point)
            continue;
        struct spot home = map_spot((double)fact->latitude, (double)fact->longitude);
        layout->dots[layout->dot_count++] = (struct map_dot){(place_index)i, home, home};
    }
}

/*
 * Colours are chosen by the visitors of all parts, so that they are the same on all maps;
 * a mark's size by those of this one, of whom cloud regions make no bucket great.
 */
static void count_visitors(struct map_layout *layout, const struct config *config,
                           const struct destinations *usual)
{
    for (size_t i = 0; i < usual->count; i++) {
        const struct destination *from = &usual->list[i];
        bool country = place_fact(&config->places, from->place)->kind == PLACE_COUNTRY;
        for (int part = 0; part < PULL_PARTS; part++) {
            const struct target *target = from->target[part];
            if (!target)
                continue;
            struct map_mark *mark = &layout->marks[target - config->targets];
            mark->countries += country;
            if (part == (int)layout->part && (country || target->kind == TARGET_UPSTREAM))
                mark->minor = false;
        }
    }
}

/* The first place of a target's `serves`, NOWHERE for everybody and nobody. */
static struct place first_served(const struct config *config, const struct target *target)
{
    const char *words = target->serves_words ? target->serves_words : "";
    const char *start = words + strspn(words, "\"");
    struct slice word = {start, strcspn(start, "\"")};
    place_index index = place_find(&config->places, word, CODE_IS_CONTINENT);

    if (index == NO_PLACE)
        index = place_find_region(&config->places, word);
    return index == NO_PLACE ? NOWHERE : place_of(&config->places, index);
}

static struct map_mark mark_for(const struct config *config, size_t i)
{
    const struct target *target = &config->targets[i];
    struct place place = target->place.has_point ? target->place : first_served(config, target);
    struct map_mark mark = {.target = target,
                            .number = (unsigned)i + 1,
                            .colour = MAP_COLOURS,
                            .minor = true,
                            .placed = place.has_point};

    memcpy(mark.point, place.point, sizeof mark.point);
    return mark;
}

static void add_marks(struct map_layout *layout, const struct config *config)
{
    size_t turn = 0;

    for (size_t i = 0; i < config->target_count; i++) {
        struct map_mark mark = mark_for(config, i);
        mark.home = mark.placed ? map_spot_of(mark.point) : foot(turn++);
        mark.at = mark.badge = mark.home;
        layout->marks[layout->mark_count++] = mark;
    }
}

double map_mark_radius(const struct map_mark *mark)
{
    return mark->minor ? MAP_MINOR_RADIUS : MAP_MARK_RADIUS;
}

/* ---- colours: the same one only for targets that are far from each other ---- */

static double distance(struct spot a, struct spot b)
{
    return hypot(a.x - b.x, a.y - b.y);
}

/* How far the nearest mark that has this colour is. */
static double clearance(const struct map_layout *layout, const struct map_mark *mark,
                        unsigned colour)
{
    double nearest = 2 * MAP_WIDTH;

    for (size_t i = 0; i < layout->mark_count; i++)
        if (layout->marks[i].colour == colour)
            nearest = fmin(nearest, distance(layout->marks[i].home, mark->home));
    return nearest;
}

static void choose_colour(const struct map_layout *layout, struct map_mark *mark)
{
    unsigned chosen = 0;
    double best = -1;

    for (unsigned colour = 0; colour < MAP_COLOURS; colour++) {
        double clear = clearance(layout, mark, colour);
        if (clear > best) {
            best = clear;
            chosen = colour;
        }
    }
    mark->colour = chosen;
}

/* The one with the most countries among those without a colour, or NULL. */
static struct map_mark *greatest_colourless(const struct map_layout *layout)
{
    struct map_mark *greatest = NULL;

    for (size_t i = 0; i < layout->mark_count; i++) {
        struct map_mark *mark = &layout->marks[i];
        if (mark->colour == MAP_COLOURS && (!greatest || mark->countries > greatest->countries))
            greatest = mark;
    }
    return greatest;
}

static void choose_colours(struct map_layout *layout)
{
    for (struct map_mark *mark; (mark = greatest_colourless(layout)) != NULL;)
        choose_colour(layout, mark);
}

/* ---- room ---- */

static void spread_marks(struct map_layout *layout, struct disc *discs)
{
    for (size_t i = 0; i < layout->mark_count; i++)
        discs[i] = (struct disc){layout->marks[i].home, layout->marks[i].home,
                                 map_mark_radius(&layout->marks[i]), !layout->marks[i].placed};
    map_spread(discs, layout->mark_count);
    for (size_t i = 0; i < layout->mark_count; i++)
        layout->marks[i].at = discs[i].at;
}

static void spread_dots(struct map_layout *layout, struct disc *discs)
{
    size_t count = 0;

    for (size_t i = 0; i < layout->mark_count; i++)
        discs[count++] = (struct disc){layout->marks[i].at, layout->marks[i].at,
                                       map_mark_radius(&layout->marks[i]), true};
    for (size_t i = 0; i < layout->dot_count; i++)
        discs[count++] =
            (struct disc){layout->dots[i].home, layout->dots[i].home, MAP_DOT_RADIUS, false};
    map_spread(discs, count);
    for (size_t i = 0; i < layout->dot_count; i++)
        layout->dots[i].at = discs[layout->mark_count + i].at;
}

static void spread_badges(struct map_layout *layout, struct disc *discs)
{
    const double r = MAP_BADGE_RADIUS;
    size_t count = 0;

    for (size_t i = 0; i < layout->mark_count; i++)
        if (!layout->marks[i].minor)
            discs[count++] = (struct disc){layout->marks[i].home, layout->marks[i].home, r, false};
    map_spread(discs, count);
    for (size_t i = 0, next = 0; i < layout->mark_count; i++) {
        if (layout->marks[i].minor)
            continue;
        struct spot at = discs[next++].at;
        layout->marks[i].badge =
            (struct spot){fmax(r, fmin(MAP_WIDTH - r, at.x)), fmax(r, fmin(MAP_HEIGHT - r, at.y))};
    }
}

bool map_layout_make(struct map_layout *layout, const struct config *config,
                     const struct destinations *usual, enum pull_part part)
{
    size_t places = (size_t)place_count(&config->places), targets = config->target_count;
    struct disc *discs = calloc(places + targets, sizeof *discs);

    *layout = (struct map_layout){.part = part,
                                  .dots = calloc(places, sizeof *layout->dots),
                                  .marks = calloc(targets, sizeof *layout->marks)};
    bool fine = discs && layout->dots && layout->marks;
    if (fine) {
        add_dots(layout, config);
        add_marks(layout, config);
        count_visitors(layout, config, usual);
        choose_colours(layout);
        spread_marks(layout, discs);
        spread_dots(layout, discs);
        spread_badges(layout, discs);
        map_layout_labels(layout);
    } else {
        map_layout_free(layout);
    }
    free(discs);
    return fine;
}

void map_layout_free(struct map_layout *layout)
{
    free(layout->dots);
    free(layout->marks);
    *layout = (struct map_layout){0};
}
