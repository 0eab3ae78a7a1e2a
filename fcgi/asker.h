/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder's side of the conversation with the prober: asks it who holds an
 * object, on behalf of requests that wait for the answer. Never blocks; the clock
 * (ms that never go back) is passed in.
 *
 * There is one connection to the prober, made when it is first wanted. Requests
 * for the same object and targets share one question. A question whose requests
 * have given up stays until it is answered, so that it is not asked twice: what the
 * prober finds is then in the cache, anyway.
 */
#ifndef ASKER_H
#define ASKER_H

#include <stdbool.h>
#include <stdint.h>
#include "config/holding.h"
#include "core/why.h"
#include "state/state.h"

struct asker;

enum {
    ASKER_WAIT_MIN_MS = 300, /* the shortest time that is waited for an answer … */
    ASKER_WAIT_MAX_MS = 1500 /* … and the longest; also for a target not measured yet */
};

/*
 * One who waits for an answer. Its memory is its owner's, who sets over and ctx, and
 * must not move or free it before it is over or has left. The rest is the asker's.
 */
struct waiter {
    /*
     * It is over: answered, too late, or there is no prober any more. findings.count is
     * 0 if there was no answer. Called from within asker_receive, asker_expire and
     * asker_ask (of another one); must not call back.
     */
    void (*over)(struct waiter *waiter);
    void *ctx;
    struct findings findings;

    struct asker_question *question; /* NULL: waits no more */
    struct waiter *before, *behind;  /* by deadline, among all who wait */
    struct waiter *next;             /* of the same question */
    uint64_t deadline;
};

/* What has become of it all, since the start. */
struct asker_counters {
    uint64_t wanted;     /* requests that could have used an answer */
    uint64_t asked;      /* questions sent to the prober */
    uint64_t shared;     /* requests that waited for another one's question */
    uint64_t in_time;    /* requests that got their answer in time */
    uint64_t late;       /* that did not */
    uint64_t no_answer;  /* that had no prober, or one without time for them */
    uint64_t unanswered; /* that lost their prober while they waited */
    uint64_t malformed;  /* answers that were none */
    uint64_t stray;      /* answers to no question, or to one given up */
    uint64_t connected;  /* connections made */
};

struct asker_settings {
    unsigned questions; /* at most, at once */
    void *ctx;
    /* The descriptor to be watched, for asker_receive; -1: none, it is about to be closed. */
    void (*watch)(void *ctx, int fd);
    /* A connection to the prober, which must not block, or -1. */
    int (*connect)(void *ctx);
};

/* NULL: no memory. */
struct asker *asker_new(const struct asker_settings *settings);

/* Whoever waits still is over. NULL is fine. */
void asker_free(struct asker *asker);

/* How long to wait for an answer about a target whose HEADs take head_ms (0: not measured). */
unsigned asker_wait_ms(unsigned head_ms);

/*
 * Asks which of the targets hold an object, or joins the question that has been
 * asked already, for at most wait_ms. False: there is no answer to be had, and the
 * waiter does not wait.
 */
bool asker_ask(struct asker *asker, struct waiter *waiter, const struct object *object,
               const struct target *const *targets, size_t target_count, unsigned wait_ms,
               uint64_t now);

/* The waiter waits no more; it may not have waited. */
void asker_leave(struct asker *asker, struct waiter *waiter);

/* Takes what the prober has sent. */
void asker_receive(struct asker *asker, uint64_t now);

/* Ends the waiting of those whose time is up. */
void asker_expire(struct asker *asker, uint64_t now);

/* When asker_expire is to be called next; UINT64_MAX: not before the next question. */
uint64_t asker_due(const struct asker *asker);

/*
 * Tells the prober that requests go to a target, and an object that one was for (or NULL).
 * False: it was not sent.
 */
bool asker_note_use(struct asker *asker, const struct target *target, const struct object *object,
                    uint64_t now);

/*
 * Sends the prober a packet that gets no answer, and waits at most patience_ms for room
 * for it. False: it was not sent; there is no room, or no prober.
 */
bool asker_send(struct asker *asker, const void *packet, size_t len, int patience_ms, uint64_t now);

/* Whether there is a prober. Tries to connect if that has not been tried of late. */
bool asker_is_connected(struct asker *asker, uint64_t now);

/* Ends the connection, if there is one: whoever waits is over. The next one may be made at once. */
void asker_disconnect(struct asker *asker);

const struct asker_counters *asker_counters(const struct asker *asker);

#endif
