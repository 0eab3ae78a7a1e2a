/* SPDX-License-Identifier: Apache-2.0 */
#include "route/locate.h"

#include "parse/forwarded.h"
#include "route/region_value.h"

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

/* What the web server says, or what a client says; true if either tells a place. */
static bool by_region(const struct config *config, const struct request *request,
                      struct client *client)
{
    if (request->server_region.len > 0 &&
        read_values(config, &request->server_region, 1, CLIENT_SERVER_REGION, client))
        return true;
    return request->region.count > 0 &&
           read_values(config, request->region.value, request->region.count, CLIENT_REGION_HEADER,
                       client);
}

static struct address address_of(const struct config *config, const struct request *request)
{
    struct address peer = address_parse(request->remote_addr);

    if (request->forwarded.count == 0)
        return peer;
    return forwarded_client(&config->forwarding, peer, request->forwarded.value,
                            request->forwarded.count);
}

static void by_address(const struct config *config, const struct knowledge *knowledge,
                       bool want_place, struct client *client)
{
    struct geodb_answer answer =
        geodb_lookup(knowledge->geodb, &client->address, config->rules_ask_asn);

    client->asn = answer.asn;
    if (!want_place || answer.place_source < 0)
        return;
    client->source = CLIENT_ADDRESS;
    client->place = answer.place;
    client->database = answer.place_source;
    client->prefix_bits = answer.prefix_bits;
}

struct client locate(const struct config *config, const struct knowledge *knowledge,
                     const struct request *request)
{
    struct client client = {.place = NOWHERE, .database = -1};
    bool told = by_region(config, request, &client);

    client.address = address_of(config, request);
    if (knowledge && knowledge->geodb && address_is_ip(&client.address) &&
        (!told || config->rules_ask_asn))
        by_address(config, knowledge, !told, &client);
    return client;
}
