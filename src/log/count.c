/* SPDX-License-Identifier: Apache-2.0 */
#include "log/count.h"

enum { STATUS_OTHER = STATUSES - 1 };

/* The numbers of counters_statuses. */
static const int statuses[STATUSES] = {200, 307, 400, 404, 405, 414, 503, 0};

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

void count_request(struct counters *counters, const struct config *config,
                   const struct routed *routed, uint64_t took_ns)
{
    const struct decision *decision = &routed->decision;
    struct counters_general *general = &counters->general;
    size_t continent = find_continent(counters, routed->client.place.continent);
    unsigned class = routed->classified.class;

    if (decision->outcome == OUTCOME_REDIRECT)
        counters->target[decision->target - config->targets].redirected[class][continent]++;
    else
        general->answered[class][find_status(decision_status(decision))][continent]++;
    count_way(counters, config, decision);
    count_knowing(general, routed);
    general->took[find_bucket(took_ns)]++;
    general->took_ns += took_ns;
}
