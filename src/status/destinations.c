/* SPDX-License-Identifier: Apache-2.0 */
#include "status/destinations.h"

#include <stdio.h>
#include <stdlib.h>
#include "route/route.h"

enum { SAMPLES = 25 };

/* For documentation (RFC 5737): of no network that a rule is for. */
#define TEST_NETWORK "192.0.2."

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

struct inquiry {
    const struct config *config;
    const struct knowledge *knowledge;
    unsigned samples; /* clients of each place */
};

/* Where a client of a place is sent; the address, perhaps empty, tells clients apart. */
static const struct target *find_target(const struct inquiry *inquiry, const char *path,
                                        const char *place, const char *address)
{
    const struct config *config = inquiry->config;
    const struct request request = {.method = METHOD_GET,
                                    .path = slice_of(path),
                                    .query = SLICE(""),
                                    .remote_addr = slice_of(address),
                                    .server_region = slice_of(place)};
    struct routed routed;

    route(config, inquiry->knowledge, &request, NULL, NULL, &routed);
    if (routed.decision.ask_count > 0 && config->probing.start != PROBER_OFF) {
        struct findings findings = find_everywhere(&routed.decision);
        route(config, inquiry->knowledge, &request, &findings, NULL, &routed);
    }
    return routed.decision.outcome == OUTCOME_REDIRECT ? routed.decision.target : NULL;
}

/* Asks on behalf of one client, or of a few, of whom the most frequent answer counts. */
static void ask(const struct inquiry *inquiry, const char *place, enum pull_part part,
                struct destination *to)
{
    const struct target *found[SAMPLES];
    unsigned most = 0;

    for (unsigned i = 0; i < inquiry->samples; i++) {
        char address[sizeof TEST_NETWORK + 10] = "";
        unsigned same = 1;
        if (inquiry->samples > 1)
            snprintf(address, sizeof address, TEST_NETWORK "%u", i);
        found[i] = find_target(inquiry, PATHS[part], place, address);
        for (unsigned j = 0; j < i; j++)
            same += found[j] == found[i];
        if (same > most) {
            most = same;
            to->target[part] = found[i];
        }
    }
    to->percent[part] = 100 * most / inquiry->samples;
}

/* Whether clients of one place may be sent to different targets. */
static bool is_shared(const struct config *config, const struct knowledge *knowledge)
{
    bool some_down = false, some_reluctant = false;

    for (size_t i = 0; i < config->target_count; i++) {
        double taken = part_taken(knowledge_part(knowledge, &config->targets[i]));
        if (taken > 0 && taken < 1)
            return true;
        some_down = some_down || !(taken > 0);
        some_reluctant = some_reluctant || knowledge_extra_part(knowledge, &config->targets[i]) < 1;
    }
    return some_down && some_reluctant;
}

bool destinations_find(struct destinations *destinations, const struct config *config,
                       const struct knowledge *knowledge)
{
    const struct inquiry inquiry = {config, knowledge, is_shared(config, knowledge) ? SAMPLES : 1};
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
            ask(&inquiry, fact->key, (enum pull_part)part, to);
    }
    return true;
}

void destinations_free(struct destinations *destinations)
{
    free(destinations->list);
    *destinations = (struct destinations){0};
}
