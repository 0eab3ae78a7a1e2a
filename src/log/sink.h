/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the log's lines go. Nothing here waits: what cannot be taken at once is left
 * to the caller.
 */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "core/why.h"

#define SINK_SYSLOG_SOCKET "/dev/log"

enum sink_kind {
    SINK_FILE,    /* written at once, whatever its length */
    SINK_PIPE,    /* so many whole lines at a time that they do not mix with others' */
    SINK_SHARED,  /* a pipe that may block, and whose O_NONBLOCK is others', too */
    SINK_STREAM,  /* a socket, such as systemd gives a service for its standard error */
    SINK_DATAGRAM /* syslog's, a line at a time */
};

struct sink {
    int fd; /* -1: closed */
    enum sink_kind kind;
    bool own;     /* fd is to be closed */
    int relay[2]; /* of SINK_SHARED: a pipe of its own, empty between two calls */
};

/*
 * Opens a file for appending, made with mode 0640 if it is not there. False with the
 * reason; then the sink is as it was.
 */
bool sink_open_file(struct sink *sink, const char *path, struct why *why);

/* Standard error, or another descriptor, which stays the caller's. */
void sink_open_descriptor(struct sink *sink, int fd);

/* A syslog daemon's socket. False with the reason. */
bool sink_open_syslog(struct sink *sink, const char *path, struct why *why);

/* Closes it; again does no harm. */
void sink_close(struct sink *sink);

/*
 * Writes lines, each with its line feed. Returns how many bytes were taken, perhaps
 * none and perhaps a part of a line; with less than all, errno says why.
 */
size_t sink_write(const struct sink *sink, char *lines, size_t len);

#endif
