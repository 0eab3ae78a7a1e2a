/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's business, free of sockets and clocks: which questions wait for
 * which probes. However many ask, there is one request under way for an object at a
 * target; all targets of a question are asked at the same time.
 */
#ifndef PROBER_AGENDA_H
#define PROBER_AGENDA_H

#include "core/instant.h"
#include "prober/probe.h"
#include "prober/remote.h"
#include "prober/reply.h"
#include "state/ask.h"
#include "state/cache_write.h"

struct agenda;
struct job;

/* How a request is made. */
enum errand_how {
    ERRAND_HEAD,
    ERRAND_GET,        /* of which the header counts; redirects are not followed */
    ERRAND_FIRST_BYTE, /* a GET with a Range of one byte, where HEAD is not answered */
    ERRAND_BODY        /* a GET of which each byte counts */
};

/* A request that is to be made. What it points to is good until agenda_done. */
struct errand {
    struct job *job;
    const char *url;
    enum errand_how how;
    bool is_check;           /* it makes its own connection, and has its own time limit */
    bool is_sample;          /* a probe for the sake of health alone: no client waits for it */
    bool is_manifest;        /* Accept is to be sent */
    struct slice digest;     /* of the object, empty for none */
    struct proof_body *body; /* is given the body; NULL: nobody wants it */
};

struct agenda_hooks {
    /* Begins a request; false if that cannot be done now. Not to call agenda_done itself. */
    bool (*begin)(void *context, const struct errand *errand);
    /* Sends an answer to a client. */
    void (*answer)(void *context, uint64_t client, const struct ask_answer *answer);
    /* Is given a whole sentence when a target goes up or down, or something else is wrong. */
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
    uint64_t unaskable;                /* … registries fail at such a name or digest */
    uint64_t recent;                   /* … it was not known a moment ago */
    uint64_t limited;                  /* answers that asked for fewer requests (429) */
    uint64_t forgotten;                /* times that what was known of a target was dropped */
    uint64_t overflow;                 /* … too much is under way */
    uint64_t strangers;                /* … the target is none of this configuration's */
    uint64_t checks;                   /* each of one request or two */
    uint64_t redirected_away, other_objects;
    uint64_t proofs; /* pinned objects that were fetched */
    uint64_t sleeps; /* times that this process was found to have slept */
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
void agenda_done(struct agenda *agenda, struct job *job, const struct reply *reply,
                 struct instant now);

/*
 * Begins the checks that are due; to be called a few times a second. watch_all: also those of
 * targets not in use, since they may have to stand in.
 */
void agenda_check(struct agenda *agenda, bool watch_all, struct instant now);

/*
 * This process has not run for a second or more when it should have: nothing that is under way
 * counts, since it says more about this process than about targets.
 */
void agenda_wake(struct agenda *agenda, struct instant now);

/*
 * A redirect leads to this URL: whether the request may be sent there. charge: to the budget of
 * the target that the URL belongs to, as for probes.
 */
bool agenda_may_follow(struct agenda *agenda, const char *from, const char *to, bool charge,
                       struct instant now);

struct remotes *agenda_remotes(struct agenda *agenda);
const struct agenda_counters *agenda_counters(const struct agenda *agenda);

/* How many requests and questions are under way. */
size_t agenda_jobs(const struct agenda *agenda);
size_t agenda_questions(const struct agenda *agenda);

#endif
