/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/agenda_parts.h"

#include <stdlib.h>

struct agenda *agenda_new(const struct agenda_hooks *hooks, struct cache_writer *cache,
                          uint64_t seed)
{
    struct agenda *agenda = calloc(1, sizeof *agenda);

    if (!agenda)
        return NULL;
    agenda->hooks = *hooks;
    agenda->cache = cache;
    agenda->dice.state = seed | 1;
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

static bool may_spend(struct agenda *agenda, struct remote *remote, struct slice name,
                      struct instant now)
{
    const struct probing *rules = &agenda->config->probing;
    struct cache_key key = cache_key_of_name(cache_writer_secret(agenda->cache), name);
    bool known = cache_writer_look(agenda->cache, &key, now.wall_s) == HOLDING_PRESENT;

    return known ? budget_spend(&remote->known, &rules->known, now.steady_ms)
                 : budget_spend(&remote->other, &rules->other, now.steady_ms);
}

/* Begins a request, if there may be one. */
static struct job *begin_job(struct agenda *agenda, struct remote *remote,
                             const struct object *object, const struct cache_key *key,
                             struct instant now)
{
    const struct probing *rules = &agenda->config->probing;

    if (remote->pulse.down && now.steady_ms < remote->pulse.next_ms) {
        agenda->counters.skipped++;
        remote->counters.skipped++;
        return NULL;
    }
    if (!may_spend(agenda, remote, object->name, now)) {
        agenda->counters.refused++;
        remote->counters.refused++;
        return NULL;
    }
    if (!pulse_may_probe(&remote->pulse, rules, &agenda->dice, now))
        return NULL;
    struct job *job = jobs_begin_probe(agenda, remote, object, key);
    if (!job)
        agenda->counters.overflow++;
    return job;
}

/*
 * The job that will tell: one under way, or a new one; NULL if there may be none.
 * A target that is down is tried now and then, but nobody waits for it.
 */
static struct job *job_for(struct agenda *agenda, struct remote *remote,
                           const struct object *object, struct instant now)
{
    struct cache_key key = cache_key(cache_writer_secret(agenda->cache), remote->target, object);
    struct job *job = jobs_find(agenda, &key);

    if (job)
        agenda->counters.shared++;
    else
        job = begin_job(agenda, remote, object, &key, now);
    return remote->pulse.down ? NULL : job;
}

static struct remote *remote_for(struct agenda *agenda, uint64_t id, struct instant now)
{
    struct remote *remote = remotes_find(&agenda->remotes, id);

    if (!remote) {
        agenda->counters.strangers++;
        return NULL;
    }
    pulse_use(&remote->pulse, &agenda->config->probing, &agenda->dice, now);
    return remote;
}

/* What is known already; returns how many targets there are up to the first that has it. */
static size_t look_up(struct agenda *agenda, struct asked *asked, struct remote *const *remotes,
                      const struct object *object, struct instant now)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (!remotes[i])
            continue;
        struct cache_key key =
            cache_key(cache_writer_secret(agenda->cache), remotes[i]->target, object);
        asked->holding[i] = cache_writer_look(agenda->cache, &key, now.wall_s);
        if (asked->holding[i] != HOLDING_UNKNOWN)
            agenda->counters.hits++;
        if (asked->holding[i] == HOLDING_PRESENT)
            return i;
    }
    return asked->count;
}

static void answer_unknown(struct agenda *agenda, uint64_t client,
                           const struct ask_question *question)
{
    struct ask_answer answer = {
        .version = ASK_VERSION, .id = question->id, .target_count = question->target_count};

    agenda->counters.overflow++;
    agenda->counters.answers++;
    agenda->hooks.answer(agenda->hooks.context, client, &answer);
}

static void take_question(struct agenda *agenda, uint64_t client,
                          const struct ask_question *question, const struct object *object,
                          struct instant now)
{
    struct asked *asked = questions_add(agenda, client, question);
    struct remote *remotes[ASK_TARGETS_MAX];

    if (!asked) {
        answer_unknown(agenda, client, question);
        return;
    }
    for (size_t i = 0; i < asked->count; i++)
        remotes[i] = remote_for(agenda, question->target[i], now);
    size_t count = look_up(agenda, asked, remotes, object, now);
    for (size_t i = 0; i < count; i++) {
        if (!remotes[i] || asked->holding[i] != HOLDING_UNKNOWN)
            continue;
        struct job *job = job_for(agenda, remotes[i], object, now);
        if (job)
            questions_wait(&asked->waiter[i], asked, job);
    }
    questions_settle(agenda, asked);
}

bool agenda_hear(struct agenda *agenda, uint64_t client, const struct ask_question *question,
                 size_t len, struct instant now)
{
    struct object object;

    if (ask_is_use(question, len)) {
        for (size_t i = 0; i < question->target_count; i++)
            remote_for(agenda, question->target[i], now);
        return true;
    }
    if (!ask_read(question, len, &object)) {
        agenda->counters.malformed++;
        return false;
    }
    agenda->counters.questions++;
    take_question(agenda, client, question, &object, now);
    return true;
}

/* ---- checks ---- */

void agenda_check(struct agenda *agenda, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (!remote->checking &&
            pulse_check_due(&remote->pulse, &agenda->config->probing, &agenda->dice, now))
            jobs_begin_check(agenda, remote);
    }
    proofs_begin(agenda, now);
}

void agenda_free(struct agenda *agenda)
{
    if (!agenda)
        return;
    while (agenda->asked)
        questions_forget(agenda, agenda->asked);
    for (size_t i = 0; i < JOB_LISTS; i++)
        while (agenda->table[i])
            jobs_end(agenda, agenda->table[i]);
    remotes_clear(&agenda->remotes);
    free(agenda);
}
