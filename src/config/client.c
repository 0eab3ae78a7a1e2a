/* SPDX-License-Identifier: Apache-2.0 */
#include "config/client.h"

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
