/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"
#include <stddef.h>
#include <stdlib.h>

static void append(struct table *table, struct connection *connection)
{
    struct connection **last = &table->queue[connection->state].last;
    connection->before = *last;
    connection->behind = NULL;
    if (*last)
        (*last)->behind = connection;
    else
        table->queue[connection->state].first = connection;
    *last = connection;
}

static void take_out(struct table *table, struct connection *connection)
{
    if (connection->before)
        connection->before->behind = connection->behind;
    else
        table->queue[connection->state].first = connection->behind;
    if (connection->behind)
        connection->behind->before = connection->before;
    else
        table->queue[connection->state].last = connection->before;
}

bool table_init(struct table *table, unsigned size)
{
    *table = (struct table){.size = size};
    table->slots = calloc(size, sizeof *table->slots);
    if (!table->slots)
        return false;
    for (unsigned i = 0; i < size; i++) {
        table->slots[i].fd = -1;
        append(table, &table->slots[i]);
    }
    return true;
}

void table_free(struct table *table)
{
    free(table->slots);
    *table = (struct table){.size = 0};
}

struct connection *table_take(struct table *table, int fd, uint64_t now)
{
    struct connection *connection = table->queue[CONNECTION_FREE].first;
    if (!connection)
        return NULL;
    connection->fd = fd;
    connection->generation++;
    connection->watched = connection->begun = connection->blocked = false;
    connection->numbers = NUMBERS_UNKNOWN;
    connection->replies = connection->refused = 0;
    connection->id = 0;
    connection->skip = 0;
    connection->parked = NULL;
    table->open++;
    table_move(table, connection, CONNECTION_WAITING, now);
    return connection;
}

void table_move(struct table *table, struct connection *connection, enum connection_state state,
                uint64_t now)
{
    take_out(table, connection);
    connection->state = (uint8_t)state;
    connection->since = now;
    append(table, connection);
    if (state == CONNECTION_FREE) {
        connection->fd = -1;
        table->open--;
    }
}

uint64_t table_ticket(const struct table *table, const struct connection *connection)
{
    return (uint64_t)connection->generation << 32 | (uint64_t)(connection - table->slots);
}

struct connection *table_find(const struct table *table, uint64_t ticket)
{
    uint32_t slot = (uint32_t)ticket;
    if (slot >= table->size)
        return NULL;
    struct connection *connection = &table->slots[slot];
    bool same = connection->state != CONNECTION_FREE && connection->generation == ticket >> 32;
    return same ? connection : NULL;
}
