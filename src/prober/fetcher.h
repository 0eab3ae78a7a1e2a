/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the index's sources asked from time to time (see index_pull.h), in a child process: it may
 * take long, and the prober's loop must not wait for it.
 */
#ifndef PROBER_FETCHER_H
#define PROBER_FETCHER_H

#include "configuration.h"
#include "instant.h"
#include "prober/jitter.h"
#include "state.h"
#include "why.h"

struct fetcher {
    struct jitter jitter;
    int64_t due_ms, started_ms;
    pid_t child;     /* 0: none */
    int pipe;        /* what it says, sentences ended by newlines; -1: none */
    bool told_start; /* that none can be started */
    size_t len;
    char text[sizeof(struct why)];
};

/* The first child is due at once. seed: not 0. */
void fetcher_begin(struct fetcher *fetcher, uint64_t seed);

/* After a reload: the next one is due at once. */
void fetcher_hurry(struct fetcher *fetcher);

/*
 * Starts a child if it is time, and ends one that takes too long; to be called about once a
 * second. True: fetcher->pipe is new, to be watched. reason (empty: none): what is wrong.
 */
bool fetcher_look(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, struct why *reason);

/* The pipe can be read: hands on what the child says. At its end the child is gone. */
void fetcher_hear(struct fetcher *fetcher, void (*say)(void *context, const char *sentence),
                  void *context);

/* Ends the child. */
void fetcher_end(struct fetcher *fetcher);

#endif
