/* SPDX-License-Identifier: Apache-2.0 */
/* Finds room for labels: of many places around its mark, each takes the one that covers least. */
#include "status/map_layout.h"

#include <math.h>

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

void map_layout_labels(struct map_layout *layout)
{
    struct frame taken[TARGETS_MAX] = {0};

    for (int minor = 0; minor <= 1; minor++)
        for (size_t i = 0; i < layout->mark_count; i++)
            if (layout->marks[i].minor == minor)
                place_label(layout, taken, i);
}
