/* SPDX-License-Identifier: Apache-2.0 */
/* How the prober is to look: its part of a configuration. */
#ifndef PROBING_H
#define PROBING_H

#include <stddef.h>
#include <stdint.h>
#include "slice.h"

/* So many HEADs a second to one target, and so many at once. */
struct probing_rate {
    double per_second, burst;
};

enum { PROBING_STATUSES_MAX = 16 };

/* Owned by its configuration. */
struct probing {
    unsigned timeout_ms, connect_ms;
    struct probing_rate known; /* for names that have had a positive answer */
    struct probing_rate other; /* for the rest */
    unsigned connections;      /* at most, to one host */
    uint32_t present_s, absent_s; /* lifetimes of answers */
    size_t cache_size;         /* bytes of the map */
    const char *ca_file;       /* NULL: the system's */
    const struct slice *redirect_hosts; /* besides the targets' own */
    size_t redirect_host_count;

    /* Of active checks. */
    struct slice check_path;
    unsigned up_status[PROBING_STATUSES_MAX];
    size_t up_status_count;
    unsigned interval_ms;
    unsigned rise, fall; /* so many good or bad answers in a row change a target's state */
    unsigned return_ms;  /* from its first request to all of them */
};

#endif
