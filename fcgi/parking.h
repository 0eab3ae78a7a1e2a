/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the loop keeps the requests that are lent to libfcgi: the one that is being
 * answered, and those that wait for their answer while others are served. libfcgi's
 * part of a request cannot be moved, so each is read into a slot of its own.
 */
#ifndef PARKING_H
#define PARKING_H

#include <stdbool.h>
#include "handover.h"

struct connection;

/* What becomes of a request's connection when it is answered. */
enum after_answer {
    AFTER_CLOSE,
    AFTER_DRAIN, /* half-closed: bytes wait on it, or are to come */
    AFTER_REST,  /* kept, though more of the request is to come, which is ignored */
    AFTER_KEEP
};

struct parked {
    struct handover handover;
    struct connection *connection; /* the loop's; NULL unless it is parked */
    void *wait;                    /* the service's, for as long as it is parked */
    enum after_answer after;
    bool woken;
    struct parked *next; /* among the free ones, or among the woken */
};

struct parking {
    struct parked *slots, *free, *first_woken, **last_woken;
    unsigned size, count; /* how many may be parked, and are */
    unsigned most;        /* at once, so far */
};

/* Room for so many parked requests, and for the one at hand. False: no memory. */
bool parking_init(struct parking *parking, unsigned size);
void parking_free(struct parking *parking);

/* The slot for the request at hand. There always is one. */
static inline struct parked *parking_at_hand(const struct parking *parking)
{
    return parking->free;
}

/* Whether the request at hand may be parked. */
static inline bool parking_has_room(const struct parking *parking)
{
    return parking->count < parking->size;
}

/* Parks the request at hand, if there is room. */
void parking_park(struct parking *parking, struct connection *connection);

/* Marks a parked request as one that is to be answered; again does no harm. */
void parking_wake(struct parking *parking, struct parked *parked);
void parking_wake_all(struct parking *parking);

/* The woken request that has waited longest, which is not parked any more then, or NULL. */
struct parked *parking_take_woken(struct parking *parking);

/* Gives back the slot of a request that was taken so, and is done with. */
void parking_done(struct parking *parking, struct parked *parked);

#endif
