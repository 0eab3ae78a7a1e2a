/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "parking.h"
#include <stdlib.h>

bool parking_init(struct parking *parking, unsigned size)
{
    *parking = (struct parking){.size = size};
    parking->last_woken = &parking->first_woken;
    parking->slots = calloc((size_t)size + 1, sizeof *parking->slots);
    if (!parking->slots)
        return false;
    for (unsigned i = size + 1; i-- > 0;)
        parking_done(parking, &parking->slots[i]);
    return true;
}

void parking_free(struct parking *parking)
{
    free(parking->slots);
    *parking = (struct parking){.size = 0};
}

void parking_park(struct parking *parking, struct connection *connection)
{
    struct parked *parked = parking->free;
    parking->free = parked->next;
    parked->connection = connection;
    parked->next = NULL;
    if (++parking->count > parking->most)
        parking->most = parking->count;
}

void parking_wake(struct parking *parking, struct parked *parked)
{
    if (parked->woken || !parked->connection)
        return;
    parked->woken = true;
    *parking->last_woken = parked;
    parking->last_woken = &parked->next;
}

void parking_wake_all(struct parking *parking)
{
    for (unsigned i = 0; parking->slots && i <= parking->size; i++)
        parking_wake(parking, &parking->slots[i]);
}

struct parked *parking_take_woken(struct parking *parking)
{
    struct parked *parked = parking->first_woken;
    if (!parked)
        return NULL;
    parking->first_woken = parked->next;
    if (!parking->first_woken)
        parking->last_woken = &parking->first_woken;
    parking->count--;
    return parked;
}

void parking_done(struct parking *parking, struct parked *parked)
{
    parked->connection = NULL;
    parked->woken = false;
    parked->wait = NULL;
    parked->next = parking->free;
    parking->free = parked;
}
