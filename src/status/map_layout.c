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

/* ---- labels: of many places around its mark, each takes the one that covers least ---- */

enum { DIRECTIONS = 16, RINGS = 7 };

/* The mean width of a letter, of its size; most faces have less. */
static const double LETTER = 0.56;

struct frame {
    double left, top, right, bottom;
};

static double overlap(struct frame a, struct frame b)
{
    if (a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top)
        return 0; /* most are far from each other */
    double width = fmin(a.right, b.right) - fmax(a.left, b.left);
    double height = fmin(a.bottom, b.bottom) - fmax(a.top, b.top);

    return width * height;
}

static struct frame around(struct spot at, double radius)
{
    return (struct frame){at.x - radius, at.y - radius, at.x + radius, at.y + radius};
}

static double clamp(double value, double least, double most)
{
    return fmax(least, fmin(most, value));
}

/* The frame of a label at a distance from its mark, in one of the directions. */
static struct frame candidate(const struct map_mark *mark, int direction, double far)
{
    double angle = 2 * M_PI * direction / DIRECTIONS;
    double width = LETTER * MAP_LABEL_SIZE * (double)mark->target->name_len,
           height = MAP_LABEL_SIZE;
    double reach = MAP_MARK_RADIUS + 2 + far;
    double x = mark->at.x + cos(angle) * (reach + width / 2);
    double y = mark->at.y + sin(angle) * (reach + height / 2);

    return (struct frame){x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

static struct spot nearest_point(struct frame frame, struct spot to)
{
    return (struct spot){clamp(to.x, frame.left, frame.right),
                         clamp(to.y, frame.top, frame.bottom)};
}

/* What a place for this mark's label costs for its distance and for leaving the picture. */
static double cost_of_place(const struct map_mark *mark, struct frame frame)
{
    const struct frame picture = {1, 1, MAP_WIDTH - 1, MAP_HEIGHT - 1};
    double area = (frame.right - frame.left) * (frame.bottom - frame.top);
    struct spot knee = nearest_point(frame, mark->at);

    return 40 * (area - overlap(frame, picture)) +
           2.5 * hypot(knee.x - mark->at.x, knee.y - mark->at.y);
}

/* What it costs for what it covers; where that is too much, it is not looked at further. */
static double cost_of_covering(const struct map_layout *layout, const struct frame *taken,
                               struct frame frame, double too_much)
{
    double cost = 0;

    for (size_t i = 0; i < layout->mark_count && cost < too_much; i++) {
        const struct map_mark *mark = &layout->marks[i];
        cost += 25 * overlap(frame, around(mark->at, map_mark_radius(mark)));
        cost += 20 * overlap(frame, taken[i]); /* one without a frame yet covers nothing */
    }
    for (size_t i = 0; i < layout->dot_count && cost < too_much; i++)
        cost += 0.4 * overlap(frame, around(layout->dots[i].at, MAP_DOT_RADIUS));
    return cost;
}

static struct frame find_room(const struct map_layout *layout, const struct frame *taken,
                              size_t mark)
{
    struct frame best = {0};
    double least = INFINITY;

    for (int ring = 0; ring < RINGS; ring++)
        for (int direction = 0; direction < DIRECTIONS; direction++) {
            struct frame frame = candidate(&layout->marks[mark], direction, ring * ring * 3);
            double cost = cost_of_place(&layout->marks[mark], frame);
            if (cost < least)
                cost += cost_of_covering(layout, taken, frame, least - cost);
            if (cost < least) {
                least = cost;
                best = frame;
            }
        }
    return best;
}

/* Marks that somebody goes to are served first. */
static void place_label(struct map_layout *layout, struct frame *taken, size_t i)
{
    struct map_mark *mark = &layout->marks[i];
    struct map_label *label = &mark->label;

    label->size = mark->minor ? 0.8 * MAP_LABEL_SIZE : MAP_LABEL_SIZE;
    taken[i] = find_room(layout, taken, i);
    label->at = (struct spot){taken[i].left, taken[i].bottom - 0.2 * label->size};
    label->knee = nearest_point(taken[i], mark->at);
    label->far =
        hypot(label->knee.x - mark->at.x, label->knee.y - mark->at.y) > map_mark_radius(mark) + 6;
}

static void place_labels(struct map_layout *layout)
{
    struct frame taken[TARGETS_MAX] = {0};

    for (int minor = 0; minor <= 1; minor++)
        for (size_t i = 0; i < layout->mark_count; i++)
            if (layout->marks[i].minor == minor)
                place_label(layout, taken, i);
}

/* ---- all ---- */

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
        place_labels(layout);
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
