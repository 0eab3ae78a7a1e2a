/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's connections: a fixed table, and queues through it by state, each
 * ordered by the time at which its connections entered it. Time limits are the
 * same for all of a state, so the first in a queue is the first to run out.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_WAITING,  /* for a first request, or for the rest of one */
    CONNECTION_IDLE,     /* kept by the web server, nothing sent */
    CONNECTION_ENDING,   /* answered before its request has ended; what is left of
                             that is ignored, and another one may begin */
    CONNECTION_PARKED,   /* its request waits for its answer */
    CONNECTION_DRAINING, /* answered and half-closed; what still comes is thrown away */
    CONNECTION_STATES
};

/* What is known of the numbers that a web server gives its requests on a connection. */
enum connection_numbers {
    NUMBERS_UNKNOWN, /* no more than one request has come */
    NUMBERS_ONE,     /* all have the same: it sends one request after the other */
    NUMBERS_MANY     /* it may have several under way */
};

struct parked;

struct connection {
    struct connection *before, *behind; /* in the queue of its state */
    uint64_t since;                     /* ms: when it entered that state */
    int fd;
    uint32_t generation; /* tells this connection from others in the same slot */
    uint8_t state;
    uint16_t id;     /* the number of the last request, 0: there was none */
    uint8_t numbers; /* enum connection_numbers */
    bool watched;    /* epoll knows it */
    bool blocked;    /* epoll tells, too, when it can be written to */
    bool begun;      /* part of a request has been seen */
    bool more;       /* bytes have come while it was parked */
    bool gone;       /* its peer has closed, or half-closed, while it was parked */
    uint8_t replies; /* management records answered since the last request */
    uint8_t refused; /* requests inside the one that is being read that were refused */
    uint32_t skip;   /* bytes left of a record that is ignored */
    struct parked *parked;
};

struct table {
    struct connection *slots;
    unsigned size, open;
    struct {
        struct connection *first, *last;
    } queue[CONNECTION_STATES];
};

/* Makes room for size connections, all free. False: no memory. */
bool table_init(struct table *table, unsigned size);
void table_free(struct table *table);

/* A free slot, now WAITING since now, for descriptor fd; NULL when all are taken. */
struct connection *table_take(struct table *table, int fd, uint64_t now);

/* Moves a connection to the end of a state's queue; to FREE gives the slot back. */
void table_move(struct table *table, struct connection *connection, enum connection_state state,
                uint64_t now);

/* A number for the connection that no later one in its slot has, and its way back (or NULL). */
uint64_t table_ticket(const struct table *table, const struct connection *connection);
struct connection *table_find(const struct table *table, uint64_t ticket);

#endif
