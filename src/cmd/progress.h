/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What long work has in common: a line on the terminal that tells how far it is,
 * and a clean stop on Ctrl-C.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

/* Start it with progress_start. */
struct progress {
    bool terminal; /* stderr is one; else nothing is shown */
    bool shown;    /* a line stands there */
};

void progress_start(struct progress *progress);

/* Shows a line in place of the one before; it is cut to 78 bytes. */
__attribute__((format(printf, 2, 3))) void progress_show(struct progress *progress,
                                                         const char *format, ...);

/* Takes the line away: before anything else is printed on a terminal, and at the end. */
void progress_wipe(struct progress *progress);

/*
 * Whether a file that keeps what is done holds nothing but the beginning of its first line:
 * then it was interrupted there. The line is given without its line feed.
 */
bool progress_is_torn(FILE *file, const char *first_line);

/*
 * From now on SIGINT, SIGTERM and SIGHUP do not end the program but are kept for
 * interrupt_came; also in threads that are started after. Ctrl-\ still ends it.
 */
void interrupt_hold(void);

/* Whether one of these signals has come: time to stop in good order. */
bool interrupt_came(void);

/* Waits for so long, or until one of these signals comes. */
void interrupt_wait(double seconds);

#endif
