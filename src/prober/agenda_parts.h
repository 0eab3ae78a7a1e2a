/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the agenda share: the questions that wait, and the requests under way. */
#ifndef PROBER_AGENDA_PARTS_H
#define PROBER_AGENDA_PARTS_H

#include "prober/agenda.h"

enum {
    JOBS_MAX = 4096,
    QUESTIONS_MAX = 16384,
    JOB_LISTS = 4096 /* of the table of jobs */
};

/* One verdict of a question, in the list of those who wait for a job. */
struct waiter {
    struct waiter *next, *before;
    struct job *job; /* NULL: it waits for none */
    struct asked *asked;
};

/* A question that waits. */
struct asked {
    struct asked *next, *before;
    uint64_t client;
    uint32_t id;
    size_t count;
    enum holding holding[ASK_TARGETS_MAX];
    struct waiter waiter[ASK_TARGETS_MAX];
};

/* A request under way. */
struct job {
    struct job *next; /* in its list of the table */
    struct cache_key key;
    struct remote *remote;
    enum target_kind kind;
    bool is_check, is_proof;
    struct waiter *waiters;
    uint8_t endpoint;
    uint16_t name_len, digest_len;
    char text[OCI_NAME_MAX + OCI_DIGEST_MAX];
    char url[PROBE_URL_MAX];
};

struct agenda {
    struct agenda_hooks hooks;
    struct cache_writer *cache;
    const struct config *config;
    struct remotes remotes;
    struct pulse_dice dice;
    struct agenda_counters counters;
    struct job *table[JOB_LISTS];
    size_t job_count, asked_count;
    struct asked *asked; /* all that wait */
};

/* ---- questions.c ---- */

/* Takes a client's question in; NULL if there are too many, or there is no memory. */
struct asked *questions_add(struct agenda *agenda, uint64_t client,
                            const struct ask_question *question);

/* Drops a question, which need not be decided. */
void questions_forget(struct agenda *agenda, struct asked *asked);

/* Has one verdict of a question wait for a job. */
void questions_wait(struct waiter *waiter, struct asked *asked, struct job *job);

/* Answers a question, and drops it, if nothing more has to be waited for. */
void questions_settle(struct agenda *agenda, struct asked *asked);

/* Tells all who wait for a job what came of it. */
void questions_tell(struct agenda *agenda, struct job *job, enum holding holding);

/* ---- findings.c ---- */

/* Tells that a target went up or down. */
void findings_tell_change(struct agenda *agenda, const struct remote *remote);

/* A bad answer in words, for people. */
const char *findings_describe(const struct probe_result *result, char *buffer, size_t size);

/* ---- proofs.c ---- */

/* Begins to fetch pinned objects that are due. */
void proofs_begin(struct agenda *agenda, struct instant now);

/* The fetch of one has ended, or a part of it. */
void proofs_end(struct agenda *agenda, const struct job *job, const struct probe_result *result,
                struct instant now);

/* ---- jobs.c ---- */

/* The probe for this key that is under way, or NULL. */
struct job *jobs_find(struct agenda *agenda, const struct cache_key *key);

/* Begins a probe; NULL if that cannot be done now. */
struct job *jobs_begin_probe(struct agenda *agenda, struct remote *remote,
                             const struct object *object, const struct cache_key *key);

/* Begins a check of a target, if that can be done now. */
void jobs_begin_check(struct agenda *agenda, struct remote *remote);

/* Begins to fetch a target's pinned object, or the rest of it; false if that cannot be done now. */
bool jobs_begin_proof(struct agenda *agenda, struct remote *remote);

/* Frees a job that nobody waits for. */
void jobs_end(struct agenda *agenda, struct job *job);

/* What a probe looks for. */
struct object jobs_object(const struct job *job);

#endif
