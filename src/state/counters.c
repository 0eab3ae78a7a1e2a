/* SPDX-License-Identifier: Apache-2.0 */
#include "state/counters.h"

#include <stdlib.h>
#include <string.h>
#include "config/configuration.h"

enum {
    GENERAL_CELLS = sizeof(struct counters_general) / sizeof(uint64_t),
    TARGET_CELLS = sizeof(struct counters_target) / sizeof(uint64_t),
    SETTLE_TURNS = 30
};

/* A report of more than this is nobody's: so many in a second would take a million years. */
static const uint64_t COUNT_MAX = UINT64_C(1) << 60;

_Static_assert(sizeof(struct counters_general) % sizeof(uint64_t) == 0 &&
                   sizeof(struct counters_target) % sizeof(uint64_t) == 0,
               "cells are all there is");

const char *const counters_continents[CONTINENTS] = {"unknown", "AF", "AN", "AS",
                                                     "EU",      "NA", "OC", "SA"};

const char *const counters_happenings[HAPPENINGS] = {
    [HAPPENED_CONNECTION] = "connections",
    [HAPPENED_STRANGER] = "connections_refused",
    [HAPPENED_MALFORMED] = "connections_malformed",
    [HAPPENED_IN_TIME] = "waits_answered",
    [HAPPENED_LATE] = "waits_late",
    [HAPPENED_DESERTED] = "waits_deserted",
    [HAPPENED_NO_PROBER] = "waits_without_prober",
    [HAPPENED_CROWDED] = "waits_too_many",
    [HAPPENED_RELOAD] = "reloads",
    [HAPPENED_REFUSED_RELOAD] = "reloads_refused",
    [HAPPENED_LINE] = "log_lines",
    [HAPPENED_DROPPED_LINE] = "log_lines_dropped",
};

const char *const counters_knowings[KNOWINGS] = {"index", "cache", "prober", "nobody"};

enum { STATUS_REDIRECT = 1 };

const char *const counters_statuses[STATUSES] = {"200", "307", "400", "404",
                                                 "405", "414", "503", "other"};

const uint64_t counters_took_ns[TOOK_BUCKETS] = {
    500,      1000,     2000,      5000,      10000,      100000,     1000000,
    10000000, 50000000, 100000000, 300000000, 1000000000, 2000000000, UINT64_MAX};

struct counters *counters_new(const struct config *config)
{
    size_t count = config->target_count, places = count + COUNTERS_OTHERS_MAX;
    struct counters *counters =
        calloc(1, sizeof *counters + places * (sizeof *counters->target + sizeof *counters->owner));

    if (!counters)
        return NULL;
    counters->owner = (struct counters_owner *)(counters->target + places);
    for (size_t i = 0; i < count; i++)
        counters->owner[i] =
            (struct counters_owner){.id = config->targets[i].id, .name = config->targets[i].name};
    counters->target_count = counters->place_count = count;
    counters->continent[CONTINENT_UNKNOWN] = NO_PLACE;
    for (int i = 1; i < CONTINENTS; i++)
        counters->continent[i] =
            place_find(NULL, slice_of(counters_continents[i]), CODE_IS_CONTINENT);
    return counters;
}

void counters_free(struct counters *counters)
{
    if (!counters)
        return;
    for (size_t i = counters->target_count; i < counters->place_count; i++)
        free(counters->owner[i].own_name);
    free(counters);
}

/* ---- cells ---- */

static const uint64_t *cell_at(const struct counters *counters, size_t position,
                               struct count *count)
{
    if (position < GENERAL_CELLS) {
        *count = (struct count){.cell = (uint32_t)position};
        return (const uint64_t *)&counters->general + position;
    }
    position -= GENERAL_CELLS;
    size_t target = position / TARGET_CELLS;
    *count = (struct count){.target = counters->owner[target].id,
                            .cell = (uint32_t)(position % TARGET_CELLS)};
    return (const uint64_t *)&counters->target[target] + count->cell;
}

bool counters_next(const struct counters *counters, size_t *position, struct count *count)
{
    size_t end = GENERAL_CELLS + counters->place_count * TARGET_CELLS;

    while (*position < end) {
        uint64_t n = *cell_at(counters, (*position)++, count);
        count->n = n;
        if (n > 0)
            return true;
    }
    return false;
}

/*
 * The cell for requests of the same class and continent that were sent nowhere known;
 * NULL for what only tells of the target.
 */
static uint64_t *stray_cell(struct counters *counters, uint32_t cell)
{
    if (cell >= CLASS_ROUTED * CONTINENTS)
        return NULL;
    return &counters->general.answered[cell / CONTINENTS][STATUS_REDIRECT][cell % CONTINENTS];
}

/* The place of a target, or of the one that it counts with now; place_count if there is none. */
static size_t find_place(const struct counters *counters, uint64_t target)
{
    size_t i = 0;

    while (i < counters->place_count && counters->owner[i].id != target)
        i++;
    for (size_t k = 0; i == counters->place_count && k < counters->alias_count; k++)
        if (counters->alias[k].id == target)
            return counters->alias[k].place;
    return i;
}

/* A new place, place_count as it was if there is room for one. */
static size_t add_place(struct counters *counters, uint64_t target)
{
    size_t place = counters->place_count;

    if (place == counters->target_count + COUNTERS_OTHERS_MAX)
        return SIZE_MAX;
    counters->owner[place] = (struct counters_owner){.id = target};
    counters->place_count++;
    return place;
}

static uint64_t *find_cell(struct counters *counters, const struct count *count)
{
    if (count->target == 0)
        return count->cell < GENERAL_CELLS ? (uint64_t *)&counters->general + count->cell : NULL;
    if (count->cell >= TARGET_CELLS)
        return NULL;
    size_t place = find_place(counters, count->target);
    if (place == counters->place_count)
        return stray_cell(counters, count->cell);
    return (uint64_t *)&counters->target[place] + count->cell;
}

bool counters_add(struct counters *counters, const struct count *count)
{
    if (count->n > COUNT_MAX || count->cell >= (count->target ? TARGET_CELLS : GENERAL_CELLS))
        return false;
    if (count->target != 0 && find_place(counters, count->target) == counters->place_count)
        (void)add_place(counters, count->target);
    counters->changes++;
    uint64_t *cell = find_cell(counters, count);
    if (cell)
        *cell += count->n;
    return true;
}

void counters_take_away(struct counters *counters, const struct count *count)
{
    uint64_t *cell = find_cell(counters, count);

    if (cell)
        *cell -= count->n;
}

void counters_join(struct counters *counters, const struct counters *others)
{
    size_t position = 0;
    struct count count;

    while (counters_next(others, &position, &count))
        counters_add(counters, &count);
}

/* ---- one configuration after another ---- */

static size_t find_name(const struct counters *counters, const char *name)
{
    size_t i = 0;

    while (i < counters->place_count &&
           !(name && counters->owner[i].name && strcmp(counters->owner[i].name, name) == 0))
        i++;
    return i;
}

/* The place in which the counts of a former one go on; SIZE_MAX: there is no room. */
static size_t successor_of(struct counters *counters, const struct counters_owner *former)
{
    size_t place = find_place(counters, former->id);

    if (place == counters->place_count)
        place = find_name(counters, former->name);
    if (place < counters->place_count)
        return place;
    place = add_place(counters, former->id);
    if (place != SIZE_MAX && former->name) {
        struct counters_owner *owner = &counters->owner[place];
        owner->name = owner->own_name = strdup(former->name);
    }
    return place;
}

static void add_alias(struct counters *counters, uint64_t id, size_t place)
{
    if (find_place(counters, id) == counters->place_count &&
        counters->alias_count < COUNTERS_OTHERS_MAX)
        counters->alias[counters->alias_count++] = (struct counters_alias){id, place};
}

static void succeed_target(struct counters *counters, const struct counters *former, size_t i)
{
    static const struct counters_target nothing;
    const uint64_t *from = (const uint64_t *)&former->target[i];

    if (!former->owner[i].name && memcmp(from, &nothing, sizeof nothing) == 0)
        return;
    size_t place = successor_of(counters, &former->owner[i]);
    uint64_t *to = place == SIZE_MAX ? NULL : (uint64_t *)&counters->target[place];

    for (uint32_t cell = 0; cell < TARGET_CELLS; cell++) {
        uint64_t *into = to ? to + cell : stray_cell(counters, cell);
        if (into)
            *into += from[cell];
    }
    if (place == SIZE_MAX)
        return;
    add_alias(counters, former->owner[i].id, place);
    for (size_t k = 0; k < former->alias_count; k++)
        if (former->alias[k].place == i)
            add_alias(counters, former->alias[k].id, place);
}

void counters_succeed(struct counters *counters, const struct counters *former)
{
    uint64_t *to = (uint64_t *)&counters->general;
    const uint64_t *from = (const uint64_t *)&former->general;

    for (size_t i = 0; i < GENERAL_CELLS; i++)
        to[i] += from[i];
    for (size_t i = 0; i < former->place_count; i++)
        succeed_target(counters, former, i);
    counters->changes++;
}

void counters_settle(struct counters *counters)
{
    for (size_t i = counters->target_count; i < counters->place_count; i++) {
        uint64_t *from = (uint64_t *)&counters->target[i];
        if (counters->owner[i].name || ++counters->owner[i].turns < SETTLE_TURNS)
            continue;
        for (uint32_t cell = 0; cell < TARGET_CELLS; cell++) {
            uint64_t *to = stray_cell(counters, cell);
            if (to)
                *to += from[cell];
            from[cell] = 0;
        }
    }
}

/* ---- sums ---- */

static void sum_up(struct counters_sums *sums, unsigned class, unsigned status, unsigned continent,
                   uint64_t n)
{
    sums->all += n;
    sums->class[class] += n;
    sums->status[status] += n;
    sums->continent[continent] += n;
}

struct counters_sums counters_sum(const struct counters *counters)
{
    struct counters_sums sums = {0};

    for (unsigned class = 0; class < CLASSES; class ++)
        for (unsigned status = 0; status < STATUSES; status++)
            for (unsigned k = 0; k < CONTINENTS; k++)
                sum_up(&sums, class, status, k, counters->general.answered[class][status][k]);
    for (size_t i = 0; i < counters->place_count; i++)
        for (unsigned class = 0; class < CLASS_ROUTED; class ++)
            for (unsigned k = 0; k < CONTINENTS; k++)
                sum_up(&sums, class, STATUS_REDIRECT, k, counters->target[i].redirected[class][k]);
    return sums;
}

uint64_t counters_sum_target(const struct counters_target *target)
{
    uint64_t sum = 0;

    for (unsigned class = 0; class < CLASS_ROUTED; class ++)
        for (unsigned k = 0; k < CONTINENTS; k++)
            sum += target->redirected[class][k];
    return sum;
}
