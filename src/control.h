/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of running processes: one small libconfig file,
 * "control", in the state directory, replaced by rename and looked at once a
 * second, so that it reaches them whatever started them, and survives them.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include "slice.h"
#include "why.h"

enum { CONTROL_DRAINED_MAX = 256, CONTROL_NAME_SIZE = 64 };

/* What one process has seen of the file. */
struct control {
    const char *directory; /* borrowed */
    struct timespec changed;
    ino_t inode;
    char reload[64]; /* the mark of the last reload that was asked for */
    char drained[CONTROL_DRAINED_MAX][CONTROL_NAME_SIZE]; /* names of targets */
    size_t drained_count;
};

/* Reads the file; a reload that it asks for counts as done. None is the same as an empty one. */
void control_open(struct control *control, const char *directory);

enum control_news {
    CONTROL_SAME = 0,
    CONTROL_CHANGED = 1, /* the list of drained targets may be another one */
    CONTROL_RELOAD = 2   /* and a reload has been asked for since the last call */
};

/* Looks whether the file is another one. Costs one stat if it is not. */
enum control_news control_refresh(struct control *control);

/* Whether the target of this name is drained. */
bool control_is_drained(const struct control *control, struct slice name);

/* Asks all running processes for a reload; false with the reason. */
bool control_ask_reload(const char *directory, struct why *why);

/* Drains a target (sends no request to it any more), or ends that; false with the reason. */
bool control_drain(const char *directory, const char *name, bool drain, struct why *why);

#endif
