/* SPDX-License-Identifier: Apache-2.0 */
/* How the prober is to look: its part of a configuration. */
#ifndef CONFIG_PROBING_H
#define CONFIG_PROBING_H

#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"

/* So many HEADs a second to one target, and so many at once. */
struct probing_rate {
    double per_second, burst;
};

enum { PROBING_STATUSES_MAX = 16 };

/* Who starts the prober. */
enum prober_start {
    PROBER_AUTO,    /* a responder, unless systemd runs it: then a service of its own */
    PROBER_START,   /* a responder in any case */
    PROBER_SERVICE, /* somebody else */
    PROBER_OFF      /* nobody, and it is not asked either */
};

/* The words for them in a configuration file, ended by NULL. */
extern const char *const prober_start_words[];

/* Owned by its configuration. */
struct probing {
    enum prober_start start;
    const char *program; /* the `signpost` command; NULL: looked for */
    unsigned timeout_ms, connect_ms;
    struct probing_rate rate;           /* of probes to one target */
    unsigned connections;               /* at most, to one host */
    uint32_t present_s, absent_s;       /* lifetimes of answers */
    size_t cache_size;                  /* bytes of the map */
    const char *ca_file;                /* NULL: the system's */
    const struct slice *redirect_hosts; /* besides the targets' own */
    size_t redirect_host_count;

    /* Of active checks. */
    struct slice check_path;
    unsigned up_status[PROBING_STATUSES_MAX]; /* none: by what a registry answers at /v2/ */
    size_t up_status_count;
    unsigned interval_ms;
    unsigned rise, fall;         /* so many good or bad answers in a row change a target's state */
    struct slice check_object;   /* as written for all targets; each has its own as it is meant */
    unsigned object_interval_ms; /* from one fetch of a pinned object to the next */
    unsigned return_ms;          /* from its first request to all of them */
};

#endif
