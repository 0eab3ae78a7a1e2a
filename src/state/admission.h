/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the requests meant for a target it takes. There is one mechanism for
 * shares, for the gradual return after a failure and for stand-ins: a client has a
 * point between 0 and 1 at each target, and is taken if it lies below the part that
 * the target takes. So a client stays where it is as long as the part does, those who
 * are in stay in when it grows, and nothing has to be kept of anybody.
 */
#ifndef STATE_ADMISSION_H
#define STATE_ADMISSION_H

#include "config/client.h"

/* The part of the requests meant for it that a target takes now. */
struct part {
    double share;  /* the part that it is to take: by its configuration, or the operator's word */
    double health; /* of that share: 1 while it is up, 0 while down, between while it returns */
    bool drained;  /* the operator wants it to have none */
};

/* Of all that is meant for it, 0 to 1. */
static inline double part_taken(struct part part)
{
    return part.drained ? 0 : part.share * part.health;
}

enum admission {
    ADMISSION_TAKEN,
    ADMISSION_NOT_IN_SHARE, /* the target takes a share, and this client is not in it */
    ADMISSION_RETURNING,    /* it has been down, and does not take this client's again yet */
    ADMISSION_DOWN,
    ADMISSION_DRAINED
};

/* Whose request it is. */
struct guest {
    const struct client *client;
    struct slice name; /* of the repository, perhaps empty */
};

/* The same as admission_at, for a part that is not all. */
enum admission admission_drawn(const struct target *target, struct part part,
                               const struct guest *guest);

/* Whether a target that takes this part takes the guest's request. */
static inline enum admission admission_at(const struct target *target, struct part part,
                                          const struct guest *guest)
{
    if (part.share >= 1 && part.health >= 1 && !part.drained)
        return ADMISSION_TAKEN;
    return admission_drawn(target, part, guest);
}

/*
 * Whether a target takes the guest's request in place of another one, which is down,
 * if it takes this part of them. The points are others for each other one.
 */
bool admission_instead(const struct target *target, const struct target *of, double part,
                       const struct guest *guest);

/*
 * The guest's point at a target, from 0 up to 1: a keyed hash (SipHash) of the
 * client's address, of IPv6 the /64, the same in every process at all times, and
 * another one for each other target. Where the address is not known it is that of
 * the client's region and the repository, which holds for the length of a pull, too.
 */
double admission_point(const struct target *target, const struct guest *guest);

#endif
