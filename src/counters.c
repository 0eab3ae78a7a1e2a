/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <stdlib.h>
#include "respond.h"

enum {
    GENERAL_CELLS = sizeof(struct counters_general) / sizeof(uint64_t),
    TARGET_CELLS = sizeof(struct counters_target) / sizeof(uint64_t),
    STATUS_OTHER = STATUSES - 1
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

static const int statuses[STATUSES] = {200, 307, 400, 404, 405, 414, 503, 0};
enum { STATUS_REDIRECT = 1 };

const char *const counters_statuses[STATUSES] = {"200", "307", "400", "404",
                                                 "405", "414", "503", "other"};

const uint64_t counters_took_ns[TOOK_BUCKETS] = {
    500,      1000,     2000,      5000,      10000,      100000,     1000000,
    10000000, 50000000, 100000000, 300000000, 1000000000, 2000000000, UINT64_MAX};

struct counters *counters_new(const struct config *config)
{
    size_t count = config->target_count;
    struct counters *counters =
        calloc(1, sizeof *counters + count * (sizeof *counters->target + sizeof *counters->id));

    if (!counters)
        return NULL;
    uint64_t *id = (uint64_t *)(counters->target + count);
    for (size_t i = 0; i < count; i++)
        id[i] = config->targets[i].id;
    counters->id = id;
    counters->target_count = count;
    counters->continent[CONTINENT_UNKNOWN] = NO_PLACE;
    for (int i = 1; i < CONTINENTS; i++)
        counters->continent[i] =
            place_find(NULL, slice_of(counters_continents[i]), CODE_IS_CONTINENT);
    return counters;
}

void counters_free(struct counters *counters)
{
    free(counters);
}

static size_t find_continent(const struct counters *counters, place_index continent)
{
    size_t i = CONTINENTS - 1;

    while (i > 0 && counters->continent[i] != continent)
        i--;
    return i;
}

static size_t find_status(int status)
{
    size_t i = 0;

    while (i < STATUS_OTHER && statuses[i] != status)
        i++;
    return i;
}

static size_t find_bucket(uint64_t took_ns)
{
    size_t i = 0;

    while (took_ns > counters_took_ns[i])
        i++;
    return i;
}

/* What became of the request on its way to the target. */
static void count_way(struct counters *counters, const struct config *config,
                      const struct decision *decision)
{
    for (size_t i = 0; i < decision->draw_count; i++) {
        struct counters_target *target =
            &counters->target[decision->draw[i].target - config->targets];
        target->in_share += decision->draw[i].is_in;
        target->out_of_share += !decision->draw[i].is_in;
    }
    for (size_t i = 0; i < decision->down_count; i++)
        counters->target[decision->down[i] - config->targets].passed_over++;
    if (decision->stand_in && decision->step && decision->step->kind == STEP_NEAREST) {
        struct counters_target *target = &counters->target[decision->stand_in - config->targets];
        target->extra_taken += decision->target == decision->stand_in;
        target->extra_left += decision->target != decision->stand_in;
    }
}

static void count_knowing(struct counters_general *general, const struct routed *routed)
{
    const struct decision *decision = &routed->decision;

    if (routed->classified.class == CLASS_SIGNATURE_DIGEST)
        general->known[KNOWN_BY_INDEX]++;
    else if (decision->unsure)
        general->known[NOT_KNOWN]++;
    else if (decision->word_of != WORD_OF_NOBODY)
        general->known[decision->word_of == WORD_OF_CACHE ? KNOWN_BY_CACHE : KNOWN_BY_PROBER]++;
}

void counters_request(struct counters *counters, const struct config *config,
                      const struct routed *routed, uint64_t took_ns)
{
    const struct decision *decision = &routed->decision;
    struct counters_general *general = &counters->general;
    size_t continent = find_continent(counters, routed->client.place.continent);
    unsigned class = routed->classified.class;

    if (decision->outcome == OUTCOME_REDIRECT)
        counters->target[decision->target - config->targets].redirected[class][continent]++;
    else
        general->answered[class][find_status(respond_status(decision))][continent]++;
    count_way(counters, config, decision);
    count_knowing(general, routed);
    general->took[find_bucket(took_ns)]++;
    general->took_ns += took_ns;
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
    *count =
        (struct count){.target = counters->id[target], .cell = (uint32_t)(position % TARGET_CELLS)};
    return (const uint64_t *)&counters->target[target] + count->cell;
}

bool counters_next(const struct counters *counters, size_t *position, struct count *count)
{
    size_t end = GENERAL_CELLS + counters->target_count * TARGET_CELLS;

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

/* The target's place; target_count if it is none of these. */
static size_t find_target(const struct counters *counters, uint64_t target)
{
    size_t i = 0;

    while (i < counters->target_count && counters->id[i] != target)
        i++;
    return i;
}

bool counters_knows(const struct counters *counters, uint64_t target)
{
    return find_target(counters, target) < counters->target_count;
}

static uint64_t *find_cell(struct counters *counters, const struct count *count)
{
    if (count->target == 0)
        return count->cell < GENERAL_CELLS ? (uint64_t *)&counters->general + count->cell : NULL;
    if (count->cell >= TARGET_CELLS)
        return NULL;
    size_t target = find_target(counters, count->target);
    if (target == counters->target_count)
        return stray_cell(counters, count->cell);
    return (uint64_t *)&counters->target[target] + count->cell;
}

bool counters_add(struct counters *counters, const struct count *count)
{
    uint64_t *cell = find_cell(counters, count);

    if (count->n > COUNT_MAX || count->cell >= (count->target ? TARGET_CELLS : GENERAL_CELLS))
        return false;
    if (cell)
        *cell += count->n;
    counters->changes++;
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
    for (size_t i = 0; i < counters->target_count; i++)
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
