/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read without ever waiting: for a FIFO's writer, a device, or whoever has a lease.
 */
#ifndef CORE_PLAIN_FILE_H
#define CORE_PLAIN_FILE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens a plain file of at most so many bytes for reading; flags may be O_NOFOLLOW. The
 * directory is one that is open, or AT_FDCWD. Returns -1 with errno, which
 * plain_file_error puts into words. status may be NULL.
 */
int plain_file_open(int directory, const char *name, int flags, off_t most, struct stat *status);

/* The same under a name, as a stream; NULL with errno. */
FILE *plain_file_stream(const char *name);

/* Reads until len bytes are there or the file ends; how many there are, -1 with errno. */
ssize_t plain_file_read(int fd, char *to, size_t len);

enum { PLAIN_FILE_NAME_SIZE = 32 };

/*
 * The name by which a library can open an open file once more, so that it is the one that
 * was checked; where there is no /proc, the one that is given. May point into the buffer.
 */
const char *plain_file_name(int fd, char buffer[PLAIN_FILE_NAME_SIZE], const char *given);

/*
 * Whether an error is this process's, or one that passes, and says nothing of the file: no
 * memory, too many files, a lease. Then it is to be tried again.
 */
bool plain_file_may_open_later(int error);

/* "it is not a plain file", "Permission denied" … */
const char *plain_file_error(int error);

/* Gives a new file to whom the directory belongs, where that can be: to be called by who made it.
 */
void plain_file_give(int directory, int fd);

#endif
