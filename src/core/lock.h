/* SPDX-License-Identifier: Apache-2.0 */
/* Locks between processes: files that nobody else may open, and that are never waited for long. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdbool.h>
#include "core/why.h"

enum { LOCK_PATIENCE_MS = 2000 /* what a command waits for another one */ };

/*
 * Takes the lock that a file in an open directory stands for; it is made if it is not there,
 * for those who may write to the directory. folder is the directory's name, for messages.
 * Returns the descriptor that holds the lock until it is closed; -1 with the reason. If another
 * process has had it all the time, errno is EWOULDBLOCK.
 */
int lock_take(int directory, const char *folder, const char *name, int patience_ms,
              struct why *why);

/* Lets go of it, and removes the file: who waits for it finds out. */
void lock_release(int directory, const char *name, int fd);

/* The process that holds a lock in a directory; 0: not known. */
long lock_holder(int directory, const char *name);

/*
 * Opens a file to read and write that only one process is to use at a time, and locks it; it
 * is made if it is not there, for its owner alone. Returns -1 with the reason: it is in use,
 * a symbolic link, or no plain file.
 */
int lock_own_file(const char *name, struct why *why);

/* Locks an open file, without waiting. False with the reason: another process has it. */
bool lock_file(int fd, const char *name, struct why *why);

#endif
