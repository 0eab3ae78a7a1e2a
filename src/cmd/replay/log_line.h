/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a web server's access log, in the combined format or the common one
 * (as nginx, Apache and lighttpd write them), perhaps with more fields at its end; or
 * one of signpost's own log, plain or JSON (log/entry.h).
 */
#ifndef CMD_REPLAY_LOG_LINE_H
#define CMD_REPLAY_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"

enum { LOG_QUOTED_MAX = 16 };

/* All slices borrow from the line. */
struct log_line {
    struct slice address; /* the first field, or the second behind Apache's "host:port" */
    struct slice method, target;
    uint64_t bytes;                      /* of the answer; 0 where none are logged */
    struct slice quoted[LOG_QUOTED_MAX]; /* the request, the referrer, the user agent … */
    size_t quoted_count;
    struct slice region; /* where signpost's own log says that the client is */
};

enum log_reading {
    LOG_REQUEST,
    LOG_NO_REQUEST, /* a line as it should be, of something that was no HTTP request */
    LOG_UNREADABLE
};

/*
 * Reads a line of len bytes, without its line feed. The escapes that web servers write
 * (\xHH, \", \\) are undone in place, in the target and in quoted strings behind it.
 */
enum log_reading log_line_read(struct log_line *line, char *text, size_t len);

#endif
