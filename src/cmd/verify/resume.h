/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of what has been done, so that the same call, made again after it was
 * interrupted, goes on where it stopped. It is JSON, a line each: first what the call is,
 * then each inspection as it ends. A last line that was cut off is passed over.
 */
#ifndef CMD_VERIFY_RESUME_H
#define CMD_VERIFY_RESUME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "core/slice.h"
#include "core/why.h"

struct resume {
    FILE *file; /* NULL: nothing is noted */
    const char *name;
    json_t *done; /* inspections' findings by their key */
    bool failed;  /* it could not be written */
};

/*
 * Opens the file, or makes it, for a call; name NULL: there is none. False, with the
 * reason, if it cannot be, or is of another call.
 */
bool resume_open(struct resume *resume, const char *name, const json_t *call, struct why *why);

/* The findings of an inspection that is done, or NULL. */
json_t *resume_find(const struct resume *resume, const char *key);

/* Notes that an inspection is done. If that fails, it is said, and nothing more is noted. */
void resume_note(struct resume *resume, const char *key, json_t *findings);

/*
 * Closes the file; a finished call needs it no more, and it is removed. False if that failed,
 * or writing it did, which has been said.
 */
bool resume_close(struct resume *resume, bool finished);

/* Takes one line of the file into done. False if it is none. For the fuzzer, too. */
bool resume_read_line(json_t *done, struct slice line);

#endif
