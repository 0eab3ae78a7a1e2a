/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/agenda_parts.h"

#include <stdlib.h>
#include "parse/url.h"

enum {
    SAMPLE_MS = 60 * 1000 /* between two objects that a target is asked for to find witnesses */
};

struct agenda *agenda_new(const struct agenda_hooks *hooks, struct cache_writer *cache,
                          uint64_t seed)
{
    struct agenda *agenda = calloc(1, sizeof *agenda);

    if (!agenda)
        return NULL;
    agenda->hooks = *hooks;
    agenda->cache = cache;
    agenda->jitter.state = seed | 1;
    return agenda;
}

bool agenda_configure(struct agenda *agenda, const struct config *config)
{
    if (!remotes_take(&agenda->remotes, config))
        return false;
    agenda->config = config;
    return true;
}

struct remotes *agenda_remotes(struct agenda *agenda)
{
    return &agenda->remotes;
}

const struct agenda_counters *agenda_counters(const struct agenda *agenda)
{
    return &agenda->counters;
}

size_t agenda_jobs(const struct agenda *agenda)
{
    return agenda->job_count;
}

size_t agenda_questions(const struct agenda *agenda)
{
    return agenda->asked_count;
}

/* ---- asking ---- */

/* A target that somebody wants to use, which is checked at once if that has not been done. */
static struct remote *remote_for(struct agenda *agenda, uint64_t id, struct instant now)
{
    struct remote *remote = remotes_find(&agenda->remotes, id);

    if (!remote) {
        agenda->counters.strangers++;
        return NULL;
    }
    monitor_use(&remote->monitor, now);
    checks_begin_if_due(agenda, remote, false, now);
    return remote;
}

static void answer_unknown(struct agenda *agenda, uint64_t client,
                           const struct ask_question *question)
{
    struct ask_answer answer = ask_new_answer(question->id, question->target_count);

    agenda->counters.overflow++;
    agenda->counters.answers++;
    agenda->hooks.answer(agenda->hooks.context, client, &answer);
}

static void take_question(struct agenda *agenda, uint64_t client,
                          const struct ask_question *question, const struct object *object,
                          struct instant now)
{
    struct asked *asked = questions_add(agenda, client, question);

    if (!asked) {
        answer_unknown(agenda, client, question);
        return;
    }
    for (size_t i = 0; i < asked->count; i++)
        remote_for(agenda, question->target[i], now);
    questions_ask(agenda, asked, object, now);
    questions_settle(agenda, asked);
}

/*
 * Clients were just sent to the target for this object: if it serves it, it can be a witness.
 * Where rules ask nothing, there is no other way to witnesses.
 */
static void take_sample(struct agenda *agenda, struct remote *remote, const struct object *object,
                        struct instant now)
{
    struct cache_hash hash = {0};
    bool in_trouble, is_soon = remote->sampled_ms && now.steady_ms - remote->sampled_ms < SAMPLE_MS;

    if (is_soon || !witnesses_wanted(&remote->witnesses) ||
        witnesses_know(&remote->witnesses, object))
        return;
    if (questions_job(agenda, remote, object, &hash, true, now, &in_trouble))
        remote->sampled_ms = now.steady_ms;
}

static void take_use(struct agenda *agenda, const struct ask_question *note,
                     const struct object *object, struct instant now)
{
    for (size_t i = 0; i < note->target_count; i++) {
        struct remote *remote = remote_for(agenda, note->target[i], now);
        if (remote && object)
            take_sample(agenda, remote, object, now);
    }
}

/* An operator knows better than what has been found. */
static bool take_forget(struct agenda *agenda, uint64_t client, const struct ask_question *question,
                        size_t len, struct instant now)
{
    struct object object;

    if (!ask_read_forget(question, len, &object)) {
        agenda->counters.malformed++;
        return false;
    }
    struct remote *remote = remotes_find(&agenda->remotes, question->target[0]);
    struct ask_answer answer = ask_new_answer(question->id, remote ? 1 : 0);
    if (remote) {
        agenda->counters.forgotten++;
        findings_forget(agenda, remote, &object, now);
    }
    agenda->hooks.answer(agenda->hooks.context, client, &answer);
    return true;
}

bool agenda_hear(struct agenda *agenda, uint64_t client, const struct ask_question *question,
                 size_t len, struct instant now)
{
    struct object object;

    if (ask_is_forget(question, len))
        return take_forget(agenda, client, question, len, now);
    if (ask_is_use(question, len)) {
        take_use(agenda, question, NULL, now);
        return true;
    }
    if (!ask_read(question, len, &object)) {
        agenda->counters.malformed++;
        return false;
    }
    if (question->id == ASK_NO_ID) {
        take_use(agenda, question, &object, now);
        return true;
    }
    agenda->counters.questions++;
    take_question(agenda, client, question, &object, now);
    return true;
}

/* ---- what ends ---- */

/* A target without HEAD answers GET: that is remembered. */
static void note_method(struct job *job, const struct reply *reply)
{
    if (job->how == ERRAND_FIRST_BYTE && reply->status >= 200 && reply->status < 500 &&
        !reply_wants_get(reply))
        job->remote->wants_get = true;
}

void agenda_done(struct agenda *agenda, struct job *job, const struct reply *reply,
                 struct instant now)
{
    if (reply_wants_get(reply) && jobs_again_by_get(agenda, job))
        return;
    note_method(job, reply);
    if (job->kind == JOB_PROBE && findings_end_probe(agenda, job, reply, now))
        return;
    if (job->kind == JOB_PROOF)
        proofs_end(agenda, job, reply, now);
    else if (job->kind != JOB_PROBE)
        checks_take(agenda, job, reply, now);
    jobs_end(agenda, job);
}

bool agenda_may_follow(struct agenda *agenda, const char *from, const char *to, bool charge,
                       struct instant now)
{
    if (!probe_may_follow(agenda->config, from, to))
        return false;
    for (size_t i = 0; charge && i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (remote->target && url_same_host(remote->target->url, slice_of(to)) &&
            !url_same_host(remote->target->url, slice_of(from)))
            return budget_spend(&remote->budget, &agenda->config->probing.rate, now.steady_ms);
    }
    return true;
}

/* ---- checks ---- */

/* Whether some target may need others to stand in for it. */
static bool is_in_trouble(const struct agenda *agenda, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        const struct remote *remote = agenda->remotes.list[i];
        if (remote->monitor.bad > 0 || remote_is_down(remote, &agenda->config->probing, now))
            return true;
    }
    return false;
}

void agenda_check(struct agenda *agenda, bool watch_all, struct instant now)
{
    bool watch = watch_all || is_in_trouble(agenda, now);

    for (size_t i = 0; i < agenda->remotes.count; i++)
        checks_begin_if_due(agenda, agenda->remotes.list[i], watch, now);
    proofs_begin(agenda, now);
}

void agenda_wake(struct agenda *agenda, struct instant now)
{
    agenda->epoch++;
    agenda->counters.sleeps++;
    for (size_t i = 0; i < agenda->remotes.count; i++)
        monitor_wake(&agenda->remotes.list[i]->monitor, now);
}

/* A check whose requests were all stopped. */
static void drop_check(struct job *job)
{
    struct check *check = job->check;

    if (!check || --check->open > 0)
        return;
    remote_let_go(check->remote);
    free(check);
}

void agenda_free(struct agenda *agenda)
{
    if (!agenda)
        return;
    while (agenda->asked)
        questions_forget(agenda, agenda->asked);
    for (size_t i = 0; i < JOB_LISTS; i++)
        while (agenda->table[i]) {
            drop_check(agenda->table[i]);
            jobs_end(agenda, agenda->table[i]);
        }
    remotes_clear(&agenda->remotes);
    free(agenda);
}
