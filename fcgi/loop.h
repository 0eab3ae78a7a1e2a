/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread, one epoll, the listening socket and every open
 * connection of the web servers. On a kept connection a request costs one
 * look at what waits (the guard), one read and one write (libfcgi).
 *
 * Descriptors do not block: no peer, however slow or hostile, makes the loop
 * wait. A request that is not whole waits in the kernel's buffer; one that is
 * whole, and whose answer has to be found out first, is parked.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "parking.h"
#include "peers.h"
#include "route/respond.h"

struct loop;

/* What has become of connections. */
struct loop_counters {
    uint64_t accepted;
    uint64_t strangers; /* turned away: they are none of the peers */
    uint64_t malformed; /* refused or closed, for what was sent or was not sent in time */
};

/* What the loop serves with. The functions get ctx; those that may be NULL say so. */
struct service {
    void *ctx;
    /*
     * Answers one request, as respond() does; true. Or, if parked is not NULL, has it
     * wait for finish; false. parked->wait is the service's then.
     */
    bool (*answer)(void *ctx, char *const *variables, struct parked *parked, struct answer *answer);
    /*
     * Answers a parked request, whatever is known by now: it was woken, or its peer has
     * closed, or the loop has to end. NULL: no request is parked.
     */
    void (*finish)(void *ctx, struct parked *parked, struct answer *answer);
    /* Something has come to the descriptor of loop_watch. May be NULL without one. */
    void (*ready)(void *ctx);
    /* The time of loop_alarm has come. May be NULL without one. */
    void (*alarm)(void *ctx);
    /* SIGHUP has come. May be NULL. */
    void (*reload)(void *ctx);
    /* SIGUSR2 has come. May be NULL. */
    void (*reopen)(void *ctx);
    /*
     * All that has come is dealt with. Returns after how many ms it is to be called again
     * at the latest, -1: when something has come again. May be NULL.
     */
    int (*rest)(void *ctx);
    /* Once a second. May be NULL: the loop then wakes only for its peers. */
    void (*tick)(void *ctx);
    /* A sentence for the operator's log, without a newline. May be NULL. */
    void (*note)(void *ctx, const char *sentence);
    /* Where to count. May be NULL. */
    struct loop_counters *counters;
};

struct loop_limits {
    unsigned max_connections; /* open at once */
    unsigned max_parked;      /* requests at once, beyond which none is parked */
    size_t header_bytes;      /* of a request, all its variables */
    unsigned request_ms; /* for a connection's first request, for the rest of a begun one, and for
                            the next behind one that was answered before its end */
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

/* Has the signals of loop_take_signals wait for it. Returns 0 or an errno value. */
int loop_hold_signals(void);

/*
 * From here on the loop receives these signals instead of the process being
 * interrupted: SIGTERM, SIGINT and SIGUSR1 stop it in order, SIGHUP reloads, and
 * SIGUSR2 has files opened anew.
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

/* ---- for the service, from within its functions ---- */

/* The time, in ms by the loop's clock. */
uint64_t loop_now(const struct loop *loop);

/* Has a parked request answered in this turn of the loop. Again does no harm. */
void loop_wake(struct loop *loop, struct parked *parked);

/*
 * Has `ready` called whenever there is something to be read from this descriptor,
 * or it has ended. There is one such descriptor at a time, the service's own; it
 * is to be taken back (fd -1) before it is closed. False with errno set: no memory.
 */
bool loop_watch(struct loop *loop, int fd);

/* Has `alarm` called once, when this time has come. UINT64_MAX: never. The last word counts. */
void loop_alarm(struct loop *loop, uint64_t when_ms);

/* The most requests that were parked at once, so far. */
unsigned loop_parked_most(const struct loop *loop);

/* ---- the end ---- */

/*
 * An orderly stop: closes the listening socket, after taking in who has already
 * connected to it; answers what has been sent, for at most stop_ms, and what is
 * parked until then; closes what is idle. Goes on turning meanwhile.
 */
void loop_stop(struct loop *loop);

/*
 * The same, but the listening socket stays open, for another loop: who connects meanwhile
 * waits for that. A loop_stop afterwards goes before.
 */
void loop_retire(struct loop *loop);

/* Takes the listening socket from a loop that has retired; -1: it was stopped. */
int loop_take_listener(struct loop *loop);

/* How many connections are open. */
unsigned loop_connections(const struct loop *loop);

/* Closes everything at once. */
void loop_free(struct loop *loop);

#endif
