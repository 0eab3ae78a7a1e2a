/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the log: a decision and why it was made. In plain form:
 *
 *     time=2026-11-23T20:15:00.123Z status=307 class=manifest-tag method=GET
 *     path=/v2/app/manifests/v1?x=y name=app target=eu place=FR rule=6
 *     took=0.000002310 reason="nearest = eu: taken, by distance"     (one line)
 *
 * with " id=…" and " client=192.0.2.0/24" at its end if they are configured; "-"
 * stands for what there is none of. As JSON, an object with the same keys in the same
 * order, null for none, and numbers for status, rule and took (seconds).
 *
 * path is the request's target as the client sent it, cut after 2048 bytes. Of what a
 * client sends, each byte that is no visible ASCII, a quotation mark or a backslash is
 * percent-encoded, so there is nothing else to escape in either form. rule is the
 * rule's number in the routing table, from 1 on.
 */
#ifndef LOG_ENTRY_H
#define LOG_ENTRY_H

#include <stdint.h>
#include <time.h>
#include "config/logging.h"
#include "route/respond.h"

/* PIPE_BUF: lines of several processes do not mix in a pipe. */
enum { LOG_LINE_MAX = 4096, LOG_STEPS_MAX = 12 };

/* What became of the targets that were looked at. The first ones count. */
struct log_steps {
    struct {
        const struct step *step;
        const struct target *target;
        enum verdict verdict;
    } list[LOG_STEPS_MAX];
    size_t count;
};

/* A trace that notes the steps, which start at {0}. */
struct decision_trace log_steps_trace(struct log_steps *steps);

struct log_entry {
    const struct passage *passage; /* with a configuration */
    const struct log_steps *steps;
    struct timespec now; /* by CLOCK_REALTIME */
    uint64_t took_ns;
};

/* Writes the line, with its line feed; at most LOG_LINE_MAX bytes. */
void log_entry_write(const struct log_entry *entry, const struct logging *logging,
                     struct text *out);

#endif
