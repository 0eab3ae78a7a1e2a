/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

bool client_set_has(const struct client_set *set, const struct client *client)
{
    if (place_set_has(&set->places, &client->place))
        return true;
    if (set->network_count > 0 &&
        networks_have(set->networks, set->network_count, &client->address))
        return true;
    for (size_t i = 0; i < set->asn_count; i++)
        if (client->asn == set->asns[i])
            return true;
    return false;
}

/* The finaliser of MurmurHash3: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}

double client_lot(const struct client *client, uint64_t salt)
{
    uint64_t half[2] = {0, 0}, hash;

    memcpy(half, client->address.bytes, sizeof half);
    hash = mix(mix(mix(salt) ^ half[0]) ^ half[1]);
    if (!address_is_ip(&client->address))
        for (size_t i = 0; i < client->told.len; i++)
            hash = mix(hash ^ (uint8_t)client->told.at[i]);
    return (double)(hash >> 11) / (double)(UINT64_C(1) << 53);
}
