/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay has found, for people and for programs. */
#ifndef CMD_REPLAY_REPORT_H
#define CMD_REPLAY_REPORT_H

#include <stdio.h>
#include "cmd/replay/compare.h"
#include "cmd/replay/tally.h"

struct report {
    const struct comparison *comparison;
    const char *next_file;       /* of the new configuration */
    const struct tally_row *row; /* the most requests first */
    size_t row_count;
    uint64_t lines;      /* read */
    uint64_t no_request; /* of these, without an HTTP request */
    uint64_t unreadable;
    uint64_t requests, bytes;
    uint64_t changed, changed_bytes;
};

/* Sums up the rows: sets requests and bytes, changed and not. */
void report_sum(struct report *report);

/* The part of the requests that changes, in percent; 0 without any. */
double report_percent(const struct report *report);

/* Prints tables: the top changes (0: all), and each target's requests now and then. */
void report_print(const struct report *report, size_t top, FILE *out);

/* Prints one JSON object with all changes; false if that failed or this build has no JSON. */
bool report_print_json(const struct report *report, FILE *out);

#endif
