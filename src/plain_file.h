/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read without ever waiting: for a FIFO's writer, a device, or whoever has a lease.
 */
#ifndef PLAIN_FILE_H
#define PLAIN_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens a plain file of at most so many bytes for reading; flags may be O_NOFOLLOW. The
 * directory is one that is open, or AT_FDCWD. Returns -1 with errno, which
 * plain_file_error puts into words. status may be NULL.
 */
int plain_file_open(int directory, const char *name, int flags, off_t most, struct stat *status);

/* Reads until len bytes are there or the file ends; how many there are, -1 with errno. */
ssize_t plain_file_read(int fd, char *to, size_t len);

/* "it is not a plain file", "Permission denied" … */
const char *plain_file_error(int error);

#endif
