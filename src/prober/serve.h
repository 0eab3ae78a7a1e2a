/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's process: sockets, signals, clocks and files around the agenda. */
#ifndef PROBER_SERVE_H
#define PROBER_SERVE_H

#include <signal.h>
#include <stdbool.h>
#include "core/why.h"

struct config;

struct serve_options {
    const char *file;   /* the configuration's, NULL: where it is found */
    bool stay;          /* does not end when there is no responder */
    unsigned linger_ms; /* how long after the last responder it ends */
    void *context;      /* of the functions */
    void (*say)(void *context, const char *sentence);
    /* Reads the configuration again, for a reload; NULL with the reason if it is refused. */
    struct config *(*load)(void *context, const char *file, struct why *why);
    /* Called about once a second. */
    void (*tick)(void *context);
};

/* Blocks the signals that the prober waits for (SIGHUP, SIGTERM, SIGINT), and returns them. */
sigset_t serve_block_signals(void);

/*
 * Serves until SIGTERM or SIGINT, or until there has been no responder for a
 * while. Takes over the configuration. Returns the exit status.
 */
int serve(struct config *config, const struct serve_options *options);

#endif
