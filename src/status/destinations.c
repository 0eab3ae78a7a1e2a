/* SPDX-License-Identifier: Apache-2.0 */
#include "status/destinations.h"

#include <stdlib.h>
#include "route.h"

/* Of no object: so nothing in the cache is about it. */
#define NO_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const char *const PATHS[PULL_PARTS] = {
    [PULL_IMAGE] = "/v2/image/manifests/tag", [PULL_LAYER] = "/v2/image/blobs/" NO_DIGEST};

/* Everybody holds what is pulled: so the prober would find. */
static struct findings find_everywhere(const struct decision *decision)
{
    struct findings findings = {.count = decision->ask_count};

    for (size_t i = 0; i < decision->ask_count; i++) {
        findings.target[i] = decision->ask[i];
        findings.holding[i] = HOLDING_PRESENT;
    }
    return findings;
}

static const struct target *find_target(const struct config *config,
                                        const struct knowledge *knowledge, struct slice path,
                                        const char *place)
{
    const struct request request = {
        .method = METHOD_GET, .path = path, .query = SLICE(""), .server_region = slice_of(place)};
    struct routed routed = route(config, knowledge, &request, NULL, NULL);

    if (routed.decision.ask_count > 0 && config->probing.start != PROBER_OFF) {
        struct findings findings = find_everywhere(&routed.decision);
        routed = route(config, knowledge, &request, &findings, NULL);
    }
    return routed.decision.outcome == OUTCOME_REDIRECT ? routed.decision.target : NULL;
}

bool destinations_find(struct destinations *destinations, const struct config *config,
                       const struct knowledge *knowledge)
{
    int count = place_count(&config->places);

    *destinations = (struct destinations){calloc((size_t)count, sizeof(struct destination)), 0};
    if (!destinations->list)
        return false;
    for (int i = 0; i < count; i++) {
        const struct place_fact *fact = place_fact(&config->places, (place_index)i);
        if (fact->kind == PLACE_CONTINENT)
            continue;
        struct destination *to = &destinations->list[destinations->count++];
        to->place = (place_index)i;
        for (int part = 0; part < PULL_PARTS; part++)
            to->target[part] = find_target(config, knowledge, slice_of(PATHS[part]), fact->key);
    }
    return true;
}

void destinations_free(struct destinations *destinations)
{
    free(destinations->list);
    *destinations = (struct destinations){0};
}
