/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to targets, many at a time, by libcurl. */
#ifndef PROBER_HEAD_H
#define PROBER_HEAD_H

#include "core/why.h"
#include "prober/agenda.h"

struct heads;

struct heads_hooks {
    /* A request has ended; called by heads_work only. */
    void (*done)(void *context, struct job *job, const struct reply *reply);
    /* Whether a redirect may be followed; is_check: it is charged to no budget. */
    bool (*may_follow)(void *context, const char *from, const char *to, bool is_check);
    void *context;
};

/*
 * Gets ready; rules are borrowed until the next heads_configure. is_limited: connections are
 * limited, to one host by the rules and in all by the limit on descriptors. NULL, with the
 * reason in why, if signpost was built without libcurl, or it fails.
 */
struct heads *heads_new(const struct heads_hooks *hooks, const struct probing *rules,
                        bool is_limited, struct why *why);

/* Stops all requests; nobody is told. NULL is fine. */
void heads_free(struct heads *heads);

/* Other rules for the requests to come. */
void heads_configure(struct heads *heads, const struct probing *rules);

/*
 * Begins a request: TLS is verified, connections are kept and used again (but for checks), HTTP/2
 * where it is offered; no redirect is followed but by may_follow, neither header nor a body that
 * nobody wants is read beyond 64 KB, and the errand's url is borrowed. False if that cannot be
 * done.
 */
bool heads_begin(struct heads *heads, const struct errand *errand);

/* A descriptor that becomes readable when there is work. */
int heads_fd(const struct heads *heads);

/* How many milliseconds there is no work unless the descriptor is readable; -1: for ever. */
int heads_wait_ms(const struct heads *heads, int64_t now_ms);

/* Does what there is to do. */
void heads_work(struct heads *heads, int64_t now_ms);

#endif
