/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the index's sources asked from time to time (see index_pull.h), each in a child process of
 * its own: it may take long, and neither the prober's loop nor another source must wait for it.
 */
#ifndef PROBER_FETCHER_H
#define PROBER_FETCHER_H

#include "config/configuration.h"
#include "core/instant.h"
#include "core/why.h"
#include "prober/jitter.h"
#include "state/state.h"

struct fetcher_source {
    int64_t due_ms, started_ms;
    pid_t child; /* 0: none */
    int pipe;    /* what it says, sentences ended by newlines; -1: none */
    bool told;   /* that it cannot be asked */
    size_t len;
    char text[sizeof(struct why)];
};

struct fetcher {
    struct jitter jitter;
    struct fetcher_source source[INDEX_SOURCES_MAX];
};

/* The first children are due at once. seed: not 0. */
void fetcher_begin(struct fetcher *fetcher, uint64_t seed);

struct fetcher_calls {
    bool (*watch)(void *context, int pipe); /* false: it cannot be watched */
    void (*say)(void *context, const char *sentence);
    void *context;
};

/*
 * Starts the children whose time it is, and ends those that take too long; what cannot be started
 * is tried again soon. To be called about once a second. Each new pipe is handed to `watch`.
 */
void fetcher_look(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, const struct fetcher_calls *calls);

/* A pipe can be read: hands on what the children say. At its pipe's end, a child is gone. */
void fetcher_hear(struct fetcher *fetcher, const struct fetcher_calls *calls);

/* Ends all children. After a reload: they fetch for the old configuration; new ones are due. */
void fetcher_end(struct fetcher *fetcher);

#endif
