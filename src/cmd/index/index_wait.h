/* SPDX-License-Identifier: Apache-2.0 */
/* signpost index wait: waits until front doors have fetched what was published. */
#ifndef CMD_INDEX_INDEX_WAIT_H
#define CMD_INDEX_INDEX_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"
#include "core/why.h"

struct index_wait {
    char *const *urls; /* of the doors' statuses: status.json, or its folder, ending in "/" */
    size_t url_count;
    uint64_t serial;
    const char *source;  /* as the doors' index_sources name it; NULL: the only one there */
    const char *ca_file; /* certificates that are trusted; NULL: the system's */
    double timeout_s;    /* 0: each door is asked once, for some seconds */
    double interval_s;   /* between questions, shortened by up to a tenth */
};

enum index_wait_verdict {
    INDEX_WAIT_HAS,
    INDEX_WAIT_LACKS,
    INDEX_WAIT_UNCLEAR /* there are several sources, and none was named: waiting does not help */
};

/*
 * Whether a status, as status_write_json writes it, says that a source has the serial. If not,
 * why has the rest of a sentence that begins with the status's URL.
 */
enum index_wait_verdict index_wait_judge(struct slice status, const char *source, uint64_t serial,
                                         struct why *why);

/* Asks until all doors have it, and prints what came of it. False: not all have it. */
bool index_wait(const struct index_wait *call);

#endif
