/* SPDX-License-Identifier: Apache-2.0 */
#include "route/nearest.h"

/* hint is place_hint(place). */
static inline enum nearness serves(const struct place_set *set, const struct place *place,
                                   uint64_t hint)
{
    if (!set)
        return NEAR_NOT;
    if (!(set->hint & hint))
        return set->everyone ? NEAR_SERVES_ALL : NEAR_NOT;
    if (place_set_has_index(set, place->region))
        return NEAR_SERVES_REGION;
    if (place_set_has_index(set, place->country))
        return NEAR_SERVES_COUNTRY;
    if (place_set_has_index(set, place->continent))
        return NEAR_SERVES_CONTINENT;
    return set->everyone ? NEAR_SERVES_ALL : NEAR_NOT;
}

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static enum nearness by_place(const struct config *config, const struct place *client,
                              const struct target *target)
{
    if (client->has_point && target->place.has_point)
        return NEAR_DISTANCE;
    if (client->country != NO_PLACE && client->country == target->place.country)
        return NEAR_COUNTRY;
    if (client->continent != NO_PLACE && client->continent == target->place.continent)
        return NEAR_CONTINENT;
    return target == config->fallback ? NEAR_DEFAULT : NEAR_NOT;
}

static inline struct rank rank_of(const struct config *config, const struct client *client,
                                  const struct target *target, uint64_t hint)
{
    struct rank rank = {.nearness = serves(target->serves, &client->place, hint)};

    if (target->kind == TARGET_UPSTREAM)
        rank.closeness = dot(client->place.point, target->place.point);
    if (client->named == target)
        rank.nearness = NEAR_NAMED;
    else if (rank.nearness == NEAR_NOT && target->kind == TARGET_UPSTREAM)
        rank.nearness = by_place(config, &client->place, target);
    return rank;
}

struct rank nearest_rank(const struct config *config, const struct client *client,
                         const struct target *target)
{
    return rank_of(config, client, target, place_hint(&client->place));
}

bool nearest_before(struct rank a, struct rank b)
{
    return a.nearness != b.nearness ? a.nearness > b.nearness : a.closeness > b.closeness;
}

const struct target *nearest_upstream(const struct config *config, const struct client *client,
                                      nearest_filter *allowed, void *context)
{
    const struct target *found = NULL;
    struct rank best = {NEAR_NOT, 0};
    uint64_t hint = place_hint(&client->place);

    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct target *target = &config->targets[i];
        struct rank rank = rank_of(config, client, target, hint);
        if ((found && !nearest_before(rank, best)) || (allowed && !allowed(context, target)))
            continue;
        found = target;
        best = rank;
    }
    return found;
}

bool nearest_precedes(const struct config *config, const struct client *client,
                      const struct target *a, const struct target *b)
{
    uint64_t hint = place_hint(&client->place);
    struct rank of_a = rank_of(config, client, a, hint), of_b = rank_of(config, client, b, hint);

    return nearest_before(of_a, of_b) || (a < b && !nearest_before(of_b, of_a));
}

/* Buckets have no distance: what they serve decides, and none goes before a region's own. */
const struct target *nearest_bucket(const struct config *config, const struct client *client,
                                    nearest_filter *allowed, void *context)
{
    const struct target *found = NULL;
    enum nearness best = NEAR_NOT;
    uint64_t hint = place_hint(&client->place);

    for (size_t i = config->upstream_count; i < config->target_count; i++) {
        const struct target *bucket = &config->targets[i];
        enum nearness nearness = serves(bucket->serves, &client->place, hint);
        if (nearness <= best || (allowed && !allowed(context, bucket)))
            continue;
        found = bucket;
        best = nearness;
        if (best == NEAR_SERVES_REGION)
            break;
    }
    return found;
}
