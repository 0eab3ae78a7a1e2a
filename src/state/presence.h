/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who uses a state directory. Each responder and the prober has a file in its folder
 * "processes", locked as long as the process lives, that says what has become of its
 * configuration. So commands know whom they reach, and who serves what.
 */
#ifndef STATE_PRESENCE_H
#define STATE_PRESENCE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "core/why.h"
#include "state/state.h"

enum presence_kind { PRESENCE_RESPONDER, PRESENCE_PROBER };

enum presence_standing {
    PRESENCE_SERVES,      /* with its configuration as it was read last */
    PRESENCE_KEEPS,       /* with a former one, since the one that was read last is refused */
    PRESENCE_UNCONFIGURED /* without any, since it is refused: a responder answers 503 */
};

/* What a process says of itself. */
struct presence_note {
    enum presence_kind kind;
    enum presence_standing standing;
    int64_t pid;
    char mark[64];       /* of the last reload it has done, see control.h; empty: none */
    char file[PATH_MAX]; /* its configuration; empty: environment variables alone */
    struct why reason;   /* why it is refused, unless it serves */
};

/* A process's own. */
struct presence {
    struct presence_note note;
    int fd, folder; /* its file and the folder that is in; -1: it has none */
    dev_t device;   /* of the state directory */
    ino_t inode;
    char name[48];
    bool complained; /* that there can be none */
};

void presence_begin(struct presence *presence, enum presence_kind kind);

/*
 * Says what has become of the configuration in file (NULL: environment variables alone),
 * after the reload of this mark; reason is NULL where it was taken. False with the reason,
 * once, if there can be no file in the directory; a directory that cannot be used is no
 * reason.
 */
bool presence_tell(struct presence *presence, const struct state *state,
                   enum presence_standing standing, const char *file, const char *mark,
                   const struct why *reason, struct why *why);

/* Sees to it that the file is there, about once a second. False as above. */
bool presence_keep(struct presence *presence, const struct state *state, struct why *why);

/* Takes the file away. */
void presence_end(struct presence *presence);

/* "responder", "prober" */
const char *presence_word(enum presence_kind kind);

/* "serves", "keeps", "unconfigured" */
const char *presence_standing_word(enum presence_standing standing);

/*
 * Of one that refuses its configuration: "responder 17 refuses FILE, and answers 503 to all
 * requests: REASON", with a line feed.
 */
void presence_print_refusal(const struct presence_note *note, FILE *out);

typedef void presence_visitor(void *context, const struct presence_note *note);

/*
 * Tells of each process that uses an open state directory. The files of those that were
 * killed are removed.
 */
void presence_list(int directory, presence_visitor *visit, void *context);

#endif
