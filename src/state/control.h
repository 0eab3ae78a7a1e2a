/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of running processes: one small file in
 * libconfig's language, "control", in the state directory, replaced by rename and looked at once a
 * second, so that it reaches them whatever started them, and survives them.
 */
#ifndef STATE_CONTROL_H
#define STATE_CONTROL_H

#include <stdbool.h>
#include "config/configuration.h"
#include "core/identity.h"
#include "core/why.h"
#include "state/admission.h"
#include "state/state.h"

#define CONTROL_NO_SHARE (-1.0F)

enum { CONTROL_MARK_SIZE = 64 };

/* What is set for one target. */
struct wish {
    bool drained;
    float share; /* 0 to 1; CONTROL_NO_SHARE: it is left to the configuration */
};

/* What one process has seen of the file. */
struct control {
    const struct state *state;   /* borrowed; NULL: no file is looked at */
    const struct config *config; /* borrowed: whose targets the wishes are for */
    struct identity seen;
    struct why why;                 /* what is wrong with the file; empty: nothing */
    char reload[CONTROL_MARK_SIZE]; /* the mark of the last reload that was asked for */
    struct wish wish[TARGETS_MAX];  /* by the target's place in the configuration */
};

enum control_news {
    CONTROL_SAME = 0,
    CONTROL_CHANGED = 1, /* the wishes may be other ones */
    CONTROL_RELOAD = 2,  /* and a reload has been asked for since the last call */
    CONTROL_DAMAGED = 3, /* the file is broken (see why): the wishes stay as they are */
    CONTROL_STARVED = 4  /* so they do since it cannot be read just now (see why) */
};

/*
 * Reads the file in a state directory (NULL: in none), which is borrowed; a reload that it
 * asks for counts as done. None is the same as an empty one; returns CONTROL_DAMAGED,
 * CONTROL_STARVED or another one.
 */
enum control_news control_open(struct control *control, const struct state *state,
                               const struct config *config);

/*
 * Looks whether the file is another one. Costs one stat if it is not; if it is, a child process
 * reads it, since this one serves and must not end, though there be no memory. While there is no
 * state directory that can be used, the wishes stay.
 */
enum control_news control_refresh(struct control *control);

/* What is set for a target of the configuration. */
static inline struct wish control_wish(const struct control *control, const struct target *target)
{
    return control->wish[target - control->config->targets];
}

/* Which part of its requests a target takes that is as healthy as this, from 0 to 1. */
static inline struct part control_part(const struct control *control, const struct target *target,
                                       double health)
{
    struct wish wish = control_wish(control, target);

    return (struct part){.share = wish.share >= 0 ? wish.share : target->share,
                         .health = health,
                         .drained = wish.drained};
}

/* Which parts the targets of the configuration take by it, each as if it was healthy. */
void control_parts(const struct control *control, struct part parts[TARGETS_MAX]);

/* The same of the file in a configuration's state directory, as it is now. */
void control_read_parts(const struct config *config, struct part parts[TARGETS_MAX]);

/*
 * Asks all running processes for a reload, and sets its mark: a later reload's compares
 * greater, by strcmp. False with the reason, such as a damaged file.
 */
bool control_ask_reload(const char *directory, char mark[CONTROL_MARK_SIZE], struct why *why);

/* Drains a target (sends no request to it any more), or ends that; false with the reason. */
bool control_drain(const char *directory, const char *name, bool drain, struct why *why);

/* Sets a target's share, or with CONTROL_NO_SHARE ends that; false with the reason. */
bool control_set_share(const char *directory, const char *name, float share, struct why *why);

#endif
