/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the event loop share. */
#ifndef LOOP_PARTS_H
#define LOOP_PARTS_H

#include "guard.h"
#include "loop.h"
#include "table.h"

/* A ticket that the table never gives out: its slots are numbered by unsigned ints from 0. */
#define LISTENER_TICKET ((uint64_t)UINT32_MAX)

struct loop {
    const struct service *service;
    struct loop_counters *counters, own_counters; /* the service's, or its own */
    const struct peers *peers;
    struct loop_limits limits;
    struct guard_limits guard_limits;
    uint64_t (*clock)(void);
    int epoll, listener, signals, watched;
    bool listening; /* epoll watches the listening socket */
    bool stopping, room_made;
    uint64_t now, next_tick, resume_at, stop_at, next_note, alarm_at;
    unsigned unsaid; /* notes left out since the last one */
    struct table table;
    struct guard_result seen;
    struct parking parking;
    struct answer answer;
    unsigned char *bytes; /* what waits on a connection; one more than header_bytes */
};

/* ---- loop_connection.c: one connection ---- */

/* Tells epoll what to watch a connection for. False: it cannot. */
bool connection_watch(struct loop *loop, struct connection *connection, uint32_t events);

/* Closes a connection at once. */
void connection_close(struct loop *loop, struct connection *connection);

/* Ends a connection of which nothing more is of use, and notes the reason for the operator. */
void connection_refuse(struct loop *loop, struct connection *connection, const char *why);

/* Deals with what waits on a connection, which may be gone afterwards. */
void connection_serve(struct loop *loop, struct connection *connection, bool peer_done);

/* The time of a connection that waits is up: it is not WAITING any more afterwards. */
void connection_expire(struct loop *loop, struct connection *connection);

/* Has its peer close a connection that is done with. It may be gone afterwards. */
void connection_start_draining(struct loop *loop, struct connection *connection);

/* Throws away what still comes on a connection that is done with. */
void connection_drain(struct loop *loop, struct connection *connection);

/*
 * Something has happened to a connection whose request is parked. A peer that has
 * closed its side may be gone, or may still listen: it gets what is known at once.
 */
void connection_on_parked(struct loop *loop, struct connection *connection, uint32_t events);

/* Answers the parked requests that were woken, and looks at what has come behind them. */
void connection_finish_woken(struct loop *loop);

/* ---- loop_listener.c: the listening socket ---- */

/* Has epoll tell of new connections again. */
void listener_resume(struct loop *loop);

/* Takes in so many connections at most. */
void listener_accept(struct loop *loop, unsigned count);

/* Lets the listening socket go. */
void listener_close(struct loop *loop);

#endif
