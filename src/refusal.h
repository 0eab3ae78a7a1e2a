/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a process that has no configuration, since the one that there is was refused: it reads
 * it again about once a second until it is right, and says why it is refused once.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>
#include <stdint.h>
#include "configuration.h"
#include "log/notes.h"

/* All zero: nothing was read yet. */
struct refusal {
    char *said;      /* what was noted last; NULL: nothing */
    int64_t look_at; /* when it is to be read again, by instant_now */
};

/*
 * Reads the configuration as config_load_found does, and notes warnings and errors. NULL: it is
 * refused; or, if nobody has asked for it to be read, it was written so short a time ago that there
 * may be more to come. Then errors that were noted last are not noted again.
 */
struct config *refusal_read(struct refusal *refusal, const char *file, bool was_asked,
                            struct notes *notes);

/* Whether it is to be read again now. */
bool refusal_is_due(const struct refusal *refusal);

/* Frees what was said. */
void refusal_end(struct refusal *refusal);

#endif
