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
    uint64_t target[ASK_TARGETS_MAX];
    size_t unasked, end; /* of the targets that are to be asked: the first that has not been */
    enum holding holding[ASK_TARGETS_MAX];
    bool in_trouble[ASK_TARGETS_MAX]; /* see struct findings */
    struct waiter waiter[ASK_TARGETS_MAX];
};

enum job_kind {
    JOB_PROBE,   /* for an object that a client named */
    JOB_PATH,    /* of a check: `health_path`, or a bucket's empty blob */
    JOB_WITNESS, /* of a check: an object that the target has served before */
    JOB_PROOF    /* `check_object`, whole */
};

/* A check under way: one request or two. */
struct check {
    struct remote *remote;
    unsigned open; /* its requests without an answer */
    uint64_t epoch;
    int64_t begun_ms;
    enum path_meaning path;
    enum content content;
    bool network_failed, limited;
    unsigned took_ms;
    char failure[HEALTH_FAILURE_SIZE];
};

/* A request under way. */
struct job {
    struct job *next; /* in its list of the table */
    uint64_t key;     /* in the cache */
    struct remote *remote;
    enum target_kind target_kind;
    enum job_kind kind;
    enum errand_how how;
    uint64_t epoch; /* in which it began: it does not count in another one */
    int64_t begun_ms;
    struct check *check;   /* that it is a part of, or NULL */
    uint32_t witness;      /* its number */
    bool is_void;          /* what it finds was to be forgotten before it came */
    bool is_sample;        /* nobody has asked: it may give a witness */
    bool is_deferred;      /* it has its answer, and waits for the target's check */
    enum holding deferred; /* what the answer says if the check is good */
    struct waiter *waiters;
    uint8_t endpoint;
    uint16_t name_len, digest_len;
    char text[OCI_NAME_MAX + OCI_DIGEST_MAX];
    char url[PROBE_URL_MAX];
};

/* Objects that could not be found out about, for a while: not every request is to wait again. */
enum { RECENT_UNKNOWN = 4096 };
struct recent_unknown {
    uint64_t key; /* in the cache */
    uint64_t target;
    int64_t until_ms;
    bool in_trouble; /* since the target had trouble */
};

/* What has been found out of an object at a target. */
struct verdict {
    enum holding holding;
    bool in_trouble; /* not known, since the target had trouble */
};

struct agenda {
    struct agenda_hooks hooks;
    struct cache_writer *cache;
    const struct config *config;
    struct remotes remotes;
    struct jitter jitter;
    struct agenda_counters counters;
    struct job *table[JOB_LISTS];
    size_t job_count, asked_count;
    struct asked *asked; /* all that wait */
    struct recent_unknown unknown[RECENT_UNKNOWN];
    uint64_t epoch; /* one more each time that this process has slept */
    size_t check_count;
};

/* ---- unknown.c ---- */

/* A job's object could not be found out; in_trouble: since its target had trouble. */
void unknown_add(struct agenda *agenda, const struct job *job, bool in_trouble, struct instant now);

/* What was asked a moment ago and could not be found out, or NULL. */
const struct recent_unknown *unknown_recent(const struct agenda *agenda, uint64_t key,
                                            struct instant now);

/* What could not be found out about a target is to be asked again. */
void unknown_forget(struct agenda *agenda, const struct remote *remote);

/* ---- questions.c ---- */

/* Takes a client's question in; NULL if there are too many, or there is no memory. */
struct asked *questions_add(struct agenda *agenda, uint64_t client,
                            const struct ask_question *question);

/*
 * Asks the targets of a question that have not been asked. Registries wait for buckets before
 * them in the rule that answer quickly: most blobs are there, and a registry's quota is dearer.
 */
void questions_ask(struct agenda *agenda, struct asked *asked, const struct object *object,
                   struct instant now);

/*
 * The job that will tell who holds an object: one under way, or a new one; NULL if there may be
 * none, which in_trouble says the reason of: the target has trouble.
 */
struct job *questions_job(struct agenda *agenda, struct remote *remote, const struct object *object,
                          struct cache_hash *hash, bool is_sample, struct instant now,
                          bool *in_trouble);

/* Drops a question, which need not be decided. */
void questions_forget(struct agenda *agenda, struct asked *asked);

/* Answers a question, and drops it, if nothing more has to be waited for. */
void questions_settle(struct agenda *agenda, struct asked *asked);

/* Gives all who wait for a job what came of it, and has them ask on. */
void questions_tell(struct agenda *agenda, struct job *job, struct verdict verdict,
                    struct instant now);

/* ---- findings.c ---- */

/* A probe has its answer. True: it waits for the target's check, so its job stays. */
bool findings_end_probe(struct agenda *agenda, struct job *job, const struct reply *reply,
                        struct instant now);

/* A check has ended: probes that waited for it are believed, or not. */
void findings_settle(struct agenda *agenda, struct remote *remote, struct instant now);

/*
 * Forgets what is known of an object at a target (ENDPOINT_NONE: of all of them). What is under
 * way began before and says nothing any more: nobody waits for it longer, and it is not kept.
 */
void findings_forget(struct agenda *agenda, struct remote *remote, const struct object *object,
                     struct instant now);

/* ---- checks.c ---- */

/* Begins a check of a target, if one is due. */
void checks_begin_if_due(struct agenda *agenda, struct remote *remote, bool watch,
                         struct instant now);

/* A request of a check has its answer. */
void checks_take(struct agenda *agenda, const struct job *job, const struct reply *reply,
                 struct instant now);

/* Notes for people that a target went up or down. */
void checks_note_change(struct agenda *agenda, const struct remote *remote, struct instant now);

/* ---- proofs.c ---- */

/* Begins to fetch pinned objects that are due. */
void proofs_begin(struct agenda *agenda, struct instant now);

/* The fetch of one has ended, or a part of it. */
void proofs_end(struct agenda *agenda, const struct job *job, const struct reply *reply,
                struct instant now);

/* ---- jobs.c ---- */

/* The probe for this key that is under way, or NULL. */
struct job *jobs_find(struct agenda *agenda, uint64_t key);

/* Begins a probe; NULL if that cannot be done now. is_sample: nobody has asked for it. */
struct job *jobs_begin_probe(struct agenda *agenda, struct remote *remote,
                             const struct object *object, uint64_t key, bool is_sample,
                             struct instant now);

/* Begins the request of a check for `health_path` or the empty blob; false if that cannot be done.
 */
bool jobs_begin_path(struct agenda *agenda, struct check *check);

/* Begins the request of a check for a witness; false if that cannot be done. */
bool jobs_begin_witness(struct agenda *agenda, struct check *check, const struct witness *witness);

/* Begins to fetch a target's pinned object, or the rest of it; false if that cannot be done now. */
bool jobs_begin_proof(struct agenda *agenda, struct remote *remote, struct instant now);

/*
 * Sends the request of a job once more, as a GET. False if that cannot be done, or has been, or
 * nobody wants it any more: a reload has removed the target, or this process has slept.
 */
bool jobs_again_by_get(struct agenda *agenda, struct job *job);

/* Frees a job that nobody waits for. */
void jobs_end(struct agenda *agenda, struct job *job);

/* What a probe looks for. */
struct object jobs_object(const struct job *job);

#endif
