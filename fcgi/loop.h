/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread, one epoll, the listening socket and every open
 * connection of the web servers. On a kept connection a request costs one
 * look at what waits (the guard), one read and one write (libfcgi).
 *
 * Descriptors do not block: no peer, however slow or hostile, makes the loop
 * wait. A request that is not whole waits in the kernel's buffer.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "peers.h"
#include "respond.h"

struct loop;

/* What the loop serves with. The functions get ctx; those that may be NULL say so. */
struct service {
    void *ctx;
    /* Answers one request; as respond() does. */
    void (*answer)(void *ctx, char *const *variables, struct answer *answer);
    /* SIGHUP has come. May be NULL. */
    void (*reload)(void *ctx);
    /* Once a second. May be NULL: the loop then wakes only for its peers. */
    void (*tick)(void *ctx);
    /* A sentence for the operator's log, without a newline. May be NULL. */
    void (*note)(void *ctx, const char *sentence);
};

struct loop_limits {
    unsigned max_connections; /* open at once */
    size_t header_bytes;      /* of a request, all its variables */
    unsigned request_ms; /* for a connection's first request, and for the rest of a begun one */
    unsigned drain_ms;   /* for a peer to take note that its connection is done with */
    unsigned stop_ms;    /* for an orderly stop */
};

extern const struct loop_limits LOOP_LIMITS;

/*
 * A loop that accepts on the given listening socket, which is then the loop's
 * to close. peers (kept by reference, may be NULL) are those who may connect.
 * clock returns milliseconds that never go back; NULL is the system's. NULL
 * with errno set when a descriptor or memory cannot be had.
 */
struct loop *loop_new(int listener, const struct service *service, const struct loop_limits *limits,
                      const struct peers *peers, uint64_t (*clock)(void));

/*
 * From here on the loop receives these signals instead of the process being
 * interrupted: SIGTERM, SIGINT and SIGUSR1 stop it in order, SIGHUP reloads.
 * Returns 0 or an errno value.
 */
int loop_take_signals(struct loop *loop);

/*
 * Waits for something to happen, at most max_wait_ms (-1: as long as it takes),
 * and deals with it. False: the loop has stopped and has nothing left to do.
 */
bool loop_turn(struct loop *loop, int max_wait_ms);

/* Turns until the loop has stopped. */
void loop_run(struct loop *loop);

/*
 * An orderly stop: closes the listening socket, after taking in who has already
 * connected to it; answers what has been sent, for at most stop_ms; closes what
 * is idle. Goes on turning meanwhile.
 */
void loop_stop(struct loop *loop);

/* How many connections are open. */
unsigned loop_connections(const struct loop *loop);

/* Closes everything at once. */
void loop_free(struct loop *loop);

#endif
