/* SPDX-License-Identifier: Apache-2.0 */
/* The questions that wait, and what each of their verdicts waits for. */
#include "prober/agenda_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUICK_MS = 300 /* a HEAD; the responder waits for four times as long, or more */
};

struct asked *questions_add(struct agenda *agenda, uint64_t client,
                            const struct ask_question *question)
{
    struct asked *asked = agenda->asked_count < QUESTIONS_MAX ? calloc(1, sizeof *asked) : NULL;

    if (!asked)
        return NULL;
    asked->client = client;
    asked->id = question->id;
    asked->count = asked->end = question->target_count;
    memcpy(asked->target, question->target, sizeof asked->target);
    asked->next = agenda->asked;
    if (asked->next)
        asked->next->before = asked;
    agenda->asked = asked;
    agenda->asked_count++;
    return asked;
}

static void stop_waiting(struct waiter *waiter)
{
    if (!waiter->job)
        return;
    if (waiter->before)
        waiter->before->next = waiter->next;
    else
        waiter->job->waiters = waiter->next;
    if (waiter->next)
        waiter->next->before = waiter->before;
    waiter->job = NULL;
}

/* The first of those that wait for a job, who then waits no more; NULL: nobody does. */
static struct waiter *take_waiter(struct job *job)
{
    struct waiter *first = job->waiters;

    if (!first)
        return NULL;
    job->waiters = first->next;
    if (first->next)
        first->next->before = NULL;
    first->job = NULL;
    return first;
}

static void wait_for(struct waiter *waiter, struct asked *asked, struct job *job)
{
    *waiter = (struct waiter){.next = job->waiters, .job = job, .asked = asked};
    if (job->waiters)
        job->waiters->before = waiter;
    job->waiters = waiter;
}

void questions_forget(struct agenda *agenda, struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++)
        stop_waiting(&asked->waiter[i]);
    if (asked->before)
        asked->before->next = asked->next;
    else
        agenda->asked = asked->next;
    if (asked->next)
        asked->next->before = asked->before;
    agenda->asked_count--;
    free(asked);
}

void agenda_forget_client(struct agenda *agenda, uint64_t client)
{
    struct asked *next;

    for (struct asked *asked = agenda->asked; asked; asked = next) {
        next = asked->next;
        if (asked->client == client)
            questions_forget(agenda, asked);
    }
}

/*
 * Whether nothing more has to be waited for: no verdict before the first target that has it. What
 * has not been asked waits for what has, or follows one that has it.
 */
static bool is_decided(const struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (asked->waiter[i].job)
            return false;
        if (asked->holding[i] == HOLDING_PRESENT)
            return true;
    }
    return true;
}

void questions_settle(struct agenda *agenda, struct asked *asked)
{
    struct ask_answer answer = ask_new_answer(asked->id, asked->count);

    if (!is_decided(asked))
        return;
    for (size_t i = 0; i < asked->count; i++) {
        answer.holding[i] = (uint8_t)asked->holding[i];
        answer.in_trouble |= (uint8_t)(asked->in_trouble[i] << i);
    }
    agenda->counters.answers++;
    agenda->hooks.answer(agenda->hooks.context, asked->client, &answer);
    questions_forget(agenda, asked);
}

/* ---- asking ---- */

/* Begins a request, if there may be one; else sets whether that is since the target had trouble. */
static struct job *begin_job(struct agenda *agenda, struct remote *remote,
                             const struct object *object, uint64_t key, bool is_sample,
                             struct instant now, bool *in_trouble)
{
    const struct recent_unknown *recent = unknown_recent(agenda, key, now);

    if (!holding_can_be_asked(remote->target, object)) {
        agenda->counters.unaskable++;
        return NULL;
    }
    if (recent) {
        agenda->counters.recent++;
        *in_trouble = recent->in_trouble;
        return NULL;
    }
    if (!budget_spend(&remote->budget, &agenda->config->probing.rate, now.steady_ms)) {
        agenda->counters.refused++;
        remote->counters.refused++;
        *in_trouble = budget_is_closed(&remote->budget, now.steady_ms);
        return NULL;
    }
    struct job *job = jobs_begin_probe(agenda, remote, object, key, is_sample, now);
    if (!job)
        agenda->counters.overflow++;
    return job;
}

struct job *questions_job(struct agenda *agenda, struct remote *remote, const struct object *object,
                          struct cache_hash *hash, bool is_sample, struct instant now,
                          bool *in_trouble)
{
    uint64_t key = cache_writer_key(agenda->cache, remote->target, object, hash);
    struct job *job = jobs_find(agenda, key);

    if (remote_is_down(remote, &agenda->config->probing, now)) {
        agenda->counters.skipped++;
        remote->counters.skipped++;
        return NULL;
    }
    if (!job)
        return begin_job(agenda, remote, object, key, is_sample, now, in_trouble);
    agenda->counters.shared++;
    return job;
}

/*
 * Whether an answer is to be expected well before clients are sent on: not where it waits for the
 * target's next check.
 */
static bool is_quick(const struct agenda *agenda, const struct job *job, struct instant now)
{
    const struct monitor *monitor = &job->remote->monitor;

    return monitor->head_ms > 0 && monitor->head_ms < QUICK_MS && !job->is_deferred &&
           monitor_is_good(monitor, &agenda->config->probing, now);
}

static bool waits_for_bucket(const struct agenda *agenda, const struct asked *asked,
                             struct instant now)
{
    for (size_t i = 0; i < asked->unasked; i++) {
        const struct job *job = asked->waiter[i].job;
        if (job && job->target_kind == TARGET_BUCKET && is_quick(agenda, job, now))
            return true;
    }
    return false;
}

/* What is known already, or what others have found out meanwhile. */
static bool is_known(struct agenda *agenda, struct asked *asked, size_t i,
                     const struct remote *remote, const struct object *object,
                     struct cache_hash *hash, struct instant now)
{
    uint64_t key = cache_writer_key(agenda->cache, remote->target, object, hash);

    asked->holding[i] = cache_writer_look(agenda->cache, key, now.wall_s);
    if (asked->holding[i] == HOLDING_UNKNOWN)
        return false;
    agenda->counters.hits++;
    return true;
}

void questions_ask(struct agenda *agenda, struct asked *asked, const struct object *object,
                   struct instant now)
{
    struct cache_hash hash = {0};

    for (; asked->unasked < asked->end; asked->unasked++) {
        size_t i = asked->unasked;
        struct remote *remote = remotes_find(&agenda->remotes, asked->target[i]);
        if (!remote)
            continue;
        if (is_known(agenda, asked, i, remote, object, &hash, now)) {
            if (asked->holding[i] == HOLDING_PRESENT)
                asked->end = i + 1;
            continue;
        }
        if (remote->target->kind == TARGET_UPSTREAM && waits_for_bucket(agenda, asked, now))
            return;
        struct job *job =
            questions_job(agenda, remote, object, &hash, false, now, &asked->in_trouble[i]);
        if (job)
            wait_for(&asked->waiter[i], asked, job);
    }
}

/* ---- answers ---- */

void questions_tell(struct agenda *agenda, struct job *job, struct verdict verdict,
                    struct instant now)
{
    struct object object = jobs_object(job);
    struct waiter *waiter;

    while ((waiter = take_waiter(job))) {
        struct asked *asked = waiter->asked;
        asked->holding[waiter - asked->waiter] = verdict.holding;
        asked->in_trouble[waiter - asked->waiter] = verdict.in_trouble;
        if (verdict.holding == HOLDING_PRESENT)
            asked->end = asked->unasked; /* the rest is not needed */
        questions_ask(agenda, asked, &object, now);
        questions_settle(agenda, asked);
    }
}
