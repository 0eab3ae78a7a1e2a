/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's business, free of sockets and clocks: which questions wait for
 * which probes. However many ask, there is one request under way for an object at a
 * target; all targets of a question are asked at the same time.
 */
#ifndef PROBER_AGENDA_H
#define PROBER_AGENDA_H

#include "ask.h"
#include "cache_write.h"
#include "instant.h"
#include "prober/probe.h"
#include "prober/remote.h"

struct agenda;
struct job;

/* A request that is to be made. What it points to is good until agenda_done. */
struct errand {
    struct job *job;
    const char *url;
    bool is_check;           /* a GET, of which only the status counts; else a HEAD */
    bool is_manifest;        /* Accept is to be sent */
    struct slice digest;     /* of the object, empty for a check */
    struct proof_body *body; /* a GET, of which each byte counts, is given to it; else NULL */
};

struct agenda_hooks {
    /* Begins a request; false if that cannot be done now. Not to call agenda_done itself. */
    bool (*begin)(void *context, const struct errand *errand);
    /* Sends an answer to a client. */
    void (*answer)(void *context, uint64_t client, const struct ask_answer *answer);
    /* Told of targets that go up or down: a whole sentence. */
    void (*note)(void *context, const char *sentence);
    void *context;
};

struct agenda_counters {
    uint64_t questions, malformed, answers;
    uint64_t hits;                     /* verdicts that were known */
    uint64_t probes, shared;           /* requests begun; verdicts that wait for one under way */
    uint64_t present, absent, unknown; /* what came of them */
    uint64_t refused;                  /* verdicts not looked for: the budget is spent */
    uint64_t skipped;                  /* … the target is down */
    uint64_t overflow;                 /* … too much is under way */
    uint64_t strangers;                /* … the target is none of this configuration's */
    uint64_t checks, redirected_away, other_objects;
    uint64_t proofs; /* pinned objects that were fetched */
};

/* Borrows the writer, which must outlive it, and the hooks' context. NULL: no memory. */
struct agenda *agenda_new(const struct agenda_hooks *hooks, struct cache_writer *cache,
                          uint64_t seed);

/* All requests under way must have been stopped by their owner. NULL is fine. */
void agenda_free(struct agenda *agenda);

/*
 * Goes over to a configuration, which must live as long as it is in use; requests
 * under way go on. False if there is no memory: the old one stays.
 */
bool agenda_configure(struct agenda *agenda, const struct config *config);

/* A packet of a client's: a question or a note. False if it is malformed. */
bool agenda_hear(struct agenda *agenda, uint64_t client, const struct ask_question *question,
                 size_t len, struct instant now);

/* The client has gone: nobody waits for its answers. */
void agenda_forget_client(struct agenda *agenda, uint64_t client);

/* A request has ended. */
void agenda_done(struct agenda *agenda, struct job *job, const struct probe_result *result,
                 struct instant now);

/* Begins the checks that are due; to be called a few times a second. */
void agenda_check(struct agenda *agenda, struct instant now);

struct remotes *agenda_remotes(struct agenda *agenda);
const struct agenda_counters *agenda_counters(const struct agenda *agenda);

/* How many requests and questions are under way. */
size_t agenda_jobs(const struct agenda *agenda);
size_t agenda_questions(const struct agenda *agenda);

#endif
