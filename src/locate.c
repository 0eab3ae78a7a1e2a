/* SPDX-License-Identifier: Apache-2.0 */
#include "locate.h"

#include "region_value.h"

/* A client's region may be the name of an upstream: its number, and where it is. */
static int upstream_of_name(const void *context, struct slice word, struct place *place)
{
    const struct config *config = context;

    for (size_t i = 0; i < config->upstream_count; i++)
        if (slice_equal_nocase(target_name(&config->targets[i]), word)) {
            *place = config->targets[i].place;
            return (int)i;
        }
    return -1;
}

static bool read_values(const struct config *config, const struct slice *values, size_t count,
                        enum client_source source, struct client *client)
{
    struct region_words words = {&config->places, upstream_of_name, config};
    struct region_value value = {0};

    for (size_t i = 0; i < count; i++)
        region_value_read(&value, &words, values[i]);
    enum region_reading reading = region_value_reading(&value);
    if (reading == READ_NOTHING)
        return false;
    client->source = source;
    client->told = value.word[reading];
    client->place = region_value_place(&value);
    if (reading == READ_NAME)
        client->named = &config->targets[value.name];
    return true;
}

struct client locate(const struct config *config, const struct request *request)
{
    struct client client = {.place = NOWHERE};

    if (request->server_region.len > 0 &&
        read_values(config, &request->server_region, 1, CLIENT_SERVER_REGION, &client))
        return client;
    if (request->region.count > 0)
        read_values(config, request->region.value, request->region.count, CLIENT_REGION_HEADER,
                    &client);
    return client;
}
