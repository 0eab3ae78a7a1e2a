/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences for the operator, on standard error. Nothing waits for room there: what cannot
 * be written at once is kept for later, as far as the buffer goes; what comes then is
 * dropped, and how much that was is said as soon as there is room.
 */
#ifndef LOG_NOTES_H
#define LOG_NOTES_H

#include <stdbool.h>
#include "core/problem.h"
#include "log/sink.h"

enum { NOTES_BUFFER = 8 * 1024 };

struct notes {
    const char *program; /* before each sentence, borrowed */
    struct sink sink;    /* opened with the first sentence */
    bool opened;
    size_t len, dropped;
    char buffer[NOTES_BUFFER]; /* what waits for room */
};

void notes_init(struct notes *notes, const char *program);

/* Adds a sentence, which is cut after PIPE_BUF bytes. notes is a struct notes. */
void notes_say(void *notes, const char *sentence);

/* Adds what is wrong with a configuration, a problem a line. notes is a struct notes. */
void notes_problems(void *notes, const struct problems *problems);

/* Writes what waits, as far as there is room; to be called once a second. */
void notes_flush(struct notes *notes);

/* The same, and closes what was opened. */
void notes_end(struct notes *notes);

#endif
