/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a process that has no configuration, since the one that there is was refused: it reads
 * it again about once a second until it is right, says why it is refused once, and notes so
 * in the state directory that is used where a configuration names none (see presence.h).
 */
#ifndef STATE_REFUSAL_H
#define STATE_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>
#include "config/configuration.h"
#include "state/control.h"
#include "state/presence.h"

/* Is told what is wrong with the configuration, whatever that is. */
typedef void refusal_say(void *context, const struct problems *problems);

struct refusal {
    enum presence_kind kind;
    const char *file; /* as given, borrowed; NULL: it is looked for each time */
    refusal_say *say;
    void *context;
    char *said;      /* what was noted last; NULL: nothing was refused */
    int64_t look_at; /* when it is to be read again, by instant_now */
    char state_name[PATH_MAX];
    struct state state;
    struct control control; /* for reloads that are asked for */
    struct presence presence;
};

/* What a process of this kind reads, and where it notes what is wrong. Reads nothing yet. */
void refusal_begin(struct refusal *refusal, enum presence_kind kind, const char *file,
                   refusal_say *say, void *context);

/*
 * Reads the configuration as config_reload does, and notes warnings and errors. NULL: it is
 * refused; or, if nobody has asked for it to be read, it was written so short a time ago that
 * there may be more to come. Then errors that were noted last are not noted again.
 */
struct config *refusal_read(struct refusal *refusal, bool was_asked);

/* The same once a second, after it was refused, if it is time to or a reload is asked for. */
struct config *refusal_look(struct refusal *refusal);

/* Takes the note away and frees what was said; it may be read again. */
void refusal_end(struct refusal *refusal);

#endif
