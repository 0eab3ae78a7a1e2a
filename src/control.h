/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of running processes: one small libconfig file,
 * "control", in the state directory, replaced by rename and looked at once a
 * second, so that it reaches them whatever started them.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <sys/stat.h>
#include "why.h"

/* What one process has seen of the file. Start it with control_watch_start. */
struct control_watch {
    struct timespec changed;
    ino_t inode;
    char reload[64]; /* the mark of the last reload that was asked for */
};

/* Takes what is asked already as done. */
void control_watch_start(struct control_watch *watch, const char *directory);

/* Whether a reload has been asked for since the last call. Costs one stat of the file. */
bool control_reload_asked(struct control_watch *watch, const char *directory);

/* Asks all running processes for a reload; false with the reason. */
bool control_ask_reload(const char *directory, struct why *why);

#endif
