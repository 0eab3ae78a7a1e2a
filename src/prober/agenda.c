/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/agenda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOBS_MAX = 4096,
    QUESTIONS_MAX = 16384,
    BUCKETS = 4096 /* of the table of jobs */
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
    struct job *next; /* in its bucket of the table */
    struct cache_key key;
    struct remote *remote;
    enum target_kind kind;
    bool is_check;
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
    struct job *table[BUCKETS];
    size_t job_count, asked_count;
    struct asked *asked; /* all that wait */
};

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

/* ---- questions ---- */

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

static void wait_for(struct waiter *waiter, struct asked *asked, struct job *job)
{
    *waiter = (struct waiter){.next = job->waiters, .job = job, .asked = asked};
    if (job->waiters)
        job->waiters->before = waiter;
    job->waiters = waiter;
}

static void forget(struct agenda *agenda, struct asked *asked)
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
            forget(agenda, asked);
    }
}

/* Whether nothing more has to be waited for: no verdict before the first target that has it. */
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

static void answer_if_decided(struct agenda *agenda, struct asked *asked)
{
    struct ask_answer answer = {
        .version = ASK_VERSION, .id = asked->id, .target_count = (uint8_t)asked->count};

    if (!is_decided(asked))
        return;
    for (size_t i = 0; i < asked->count; i++)
        answer.holding[i] = (uint8_t)asked->holding[i];
    agenda->counters.answers++;
    agenda->hooks.answer(agenda->hooks.context, asked->client, &answer);
    forget(agenda, asked);
}

/* ---- jobs ---- */

static struct job **link_of(struct agenda *agenda, const struct cache_key *key)
{
    size_t at = (size_t)key->bytes[1] << 8 | key->bytes[2];
    struct job **place = &agenda->table[at % BUCKETS];

    while (*place && ((*place)->is_check || memcmp(&(*place)->key, key, sizeof *key) != 0))
        place = &(*place)->next;
    return place;
}

static void end_job(struct agenda *agenda, struct job *job)
{
    struct job **place =
        &agenda->table[((size_t)job->key.bytes[1] << 8 | job->key.bytes[2]) % BUCKETS];

    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
    agenda->job_count--;
    remote_let_go(job->remote);
    free(job);
}

static struct object object_of(const struct job *job)
{
    return (struct object){.endpoint = (enum endpoint)job->endpoint,
                           .name = {job->text, job->name_len},
                           .digest = {job->text + job->name_len, job->digest_len}};
}

static struct job *new_job(struct agenda *agenda, struct remote *remote,
                           const struct cache_key *key)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->key = *key;
    job->remote = remote_hold(remote);
    job->kind = remote->target->kind;
    size_t at = ((size_t)key->bytes[1] << 8 | key->bytes[2]) % BUCKETS;
    job->next = agenda->table[at];
    agenda->table[at] = job;
    agenda->job_count++;
    return job;
}

static bool begin(struct agenda *agenda, struct job *job, bool has_url)
{
    struct object object = object_of(job);
    struct errand errand = {.job = job,
                            .url = job->url,
                            .is_check = job->is_check,
                            .is_manifest = object.endpoint == ENDPOINT_MANIFESTS,
                            .digest = object.digest};

    if (has_url && agenda->hooks.begin(agenda->hooks.context, &errand))
        return true;
    end_job(agenda, job);
    return false;
}

static struct job *begin_probe(struct agenda *agenda, struct remote *remote,
                               const struct object *object, const struct cache_key *key)
{
    struct job *job = agenda->job_count < JOBS_MAX ? new_job(agenda, remote, key) : NULL;

    if (!job)
        return NULL;
    job->endpoint = (uint8_t)object->endpoint;
    job->name_len = (uint16_t)object->name.len;
    job->digest_len = (uint16_t)object->digest.len;
    memcpy(job->text, object->name.at, object->name.len);
    memcpy(job->text + object->name.len, object->digest.at, object->digest.len);
    struct text url = {.at = job->url, .size = sizeof job->url};
    if (!begin(agenda, job, probe_object_url(&url, remote->target, object)))
        return NULL;
    agenda->counters.probes++;
    remote->counters.probes++;
    return job;
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

/* The job that will tell: one under way, or a new one; NULL if there may be none. */
static struct job *job_for(struct agenda *agenda, struct remote *remote,
                           const struct object *object, struct instant now)
{
    const struct probing *rules = &agenda->config->probing;
    struct cache_key key = cache_key(cache_writer_secret(agenda->cache), remote->target, object);
    struct job *job = *link_of(agenda, &key);

    if (job) {
        agenda->counters.shared++;
        return job;
    }
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
    job = begin_probe(agenda, remote, object, &key);
    if (!job)
        agenda->counters.overflow++;
    return job;
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
    struct asked *asked = agenda->asked_count < QUESTIONS_MAX ? calloc(1, sizeof *asked) : NULL;
    struct remote *remotes[ASK_TARGETS_MAX];

    if (!asked) {
        answer_unknown(agenda, client, question);
        return;
    }
    asked->client = client;
    asked->id = question->id;
    asked->count = question->target_count;
    asked->next = agenda->asked;
    if (asked->next)
        asked->next->before = asked;
    agenda->asked = asked;
    agenda->asked_count++;
    for (size_t i = 0; i < asked->count; i++)
        remotes[i] = remote_for(agenda, question->target[i], now);
    size_t count = look_up(agenda, asked, remotes, object, now);
    for (size_t i = 0; i < count; i++) {
        if (!remotes[i] || asked->holding[i] != HOLDING_UNKNOWN)
            continue;
        struct job *job = job_for(agenda, remotes[i], object, now);
        if (job)
            wait_for(&asked->waiter[i], asked, job);
    }
    answer_if_decided(agenda, asked);
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

/* ---- answers ---- */

static void tell_change(struct agenda *agenda, const struct remote *remote)
{
    char sentence[256];

    if (!remote->target)
        return;
    if (remote->pulse.down)
        snprintf(sentence, sizeof sentence, "The target \"%s\" is down: %s.", remote->target->name,
                 remote->pulse.failure);
    else
        snprintf(sentence, sizeof sentence, "The target \"%s\" is up again.", remote->target->name);
    agenda->hooks.note(agenda->hooks.context, sentence);
}

static void note_health(struct agenda *agenda, struct remote *remote,
                        const struct pulse_report *report, struct instant now)
{
    if (report->answer == PULSE_BAD || report->answer == PULSE_NONE)
        remote->counters.failed++;
    if (pulse_take(&remote->pulse, &agenda->config->probing, &agenda->dice, report, now))
        tell_change(agenda, remote);
}

/* Keeps a name's mark alive while it has positive answers; a bucket's tell nothing of names. */
static void remember_name(struct agenda *agenda, const struct job *job, struct instant now)
{
    struct cache_key key =
        cache_key_of_name(cache_writer_secret(agenda->cache), object_of(job).name);

    if (job->kind != TARGET_UPSTREAM ||
        cache_writer_look(agenda->cache, &key, now.wall_s) == HOLDING_PRESENT)
        return;
    cache_writer_add(agenda->cache, &key, HOLDING_PRESENT, now.wall_s,
                     agenda->config->probing.present_s);
}

static void keep(struct agenda *agenda, const struct job *job, enum holding holding,
                 struct instant now)
{
    const struct probing *rules = &agenda->config->probing;
    struct target_counters *counters = &job->remote->counters;

    switch (holding) {
    case HOLDING_PRESENT:
        agenda->counters.present++;
        counters->present++;
        cache_writer_add(agenda->cache, &job->key, holding, now.wall_s, rules->present_s);
        remember_name(agenda, job, now);
        break;
    case HOLDING_ABSENT:
        agenda->counters.absent++;
        counters->absent++;
        cache_writer_add(agenda->cache, &job->key, holding, now.wall_s, rules->absent_s);
        break;
    case HOLDING_UNKNOWN:
        agenda->counters.unknown++;
        break;
    }
}

static void give_verdict(struct agenda *agenda, struct job *job, enum holding holding)
{
    while (job->waiters) {
        struct waiter *waiter = job->waiters;
        struct asked *asked = waiter->asked;
        stop_waiting(waiter);
        asked->holding[waiter - asked->waiter] = holding;
        answer_if_decided(agenda, asked);
    }
}

/* A bad answer in words, for people. */
static const char *describe(const struct probe_result *result, char *buffer, size_t size)
{
    if (result->status == 0)
        return result->failure ? result->failure : "no answer";
    snprintf(buffer, size, "it answered with the status %d", result->status);
    return buffer;
}

static void end_check(struct agenda *agenda, struct job *job, const struct probe_result *result,
                      struct instant now)
{
    char words[64];
    struct pulse_report report = {PULSE_CHECK,
                                  probe_check_meaning(result, job->kind, &agenda->config->probing),
                                  result->took_ms, describe(result, words, sizeof words)};

    job->remote->checking = false;
    note_health(agenda, job->remote, &report, now);
}

static void end_probe(struct agenda *agenda, struct job *job, const struct probe_result *result,
                      struct instant now)
{
    char words[64];
    struct probe_verdict verdict = probe_meaning(result, job->kind);
    struct pulse_report report = {PULSE_PROBE, verdict.health, result->took_ms,
                                  describe(result, words, sizeof words)};

    agenda->counters.redirected_away += result->led_away;
    agenda->counters.other_objects += result->other_object;
    note_health(agenda, job->remote, &report, now);
    keep(agenda, job, verdict.holding, now);
    give_verdict(agenda, job, verdict.holding);
}

void agenda_done(struct agenda *agenda, struct job *job, const struct probe_result *result,
                 struct instant now)
{
    if (job->is_check)
        end_check(agenda, job, result, now);
    else
        end_probe(agenda, job, result, now);
    end_job(agenda, job);
}

/* ---- checks ---- */

static void begin_check(struct agenda *agenda, struct remote *remote)
{
    struct cache_key key = {{0}};
    struct job *job = new_job(agenda, remote, &key);

    if (!job)
        return;
    job->is_check = true;
    struct text url = {.at = job->url, .size = sizeof job->url};
    bool has_url = probe_check_url(&url, remote->target, &agenda->config->probing);
    remote->checking = begin(agenda, job, has_url);
    agenda->counters.checks += remote->checking;
    remote->counters.checks += remote->checking;
}

void agenda_check(struct agenda *agenda, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (!remote->checking &&
            pulse_check_due(&remote->pulse, &agenda->config->probing, &agenda->dice, now))
            begin_check(agenda, remote);
    }
}

void agenda_free(struct agenda *agenda)
{
    if (!agenda)
        return;
    while (agenda->asked)
        forget(agenda, agenda->asked);
    for (size_t i = 0; i < BUCKETS; i++)
        while (agenda->table[i])
            end_job(agenda, agenda->table[i]);
    remotes_clear(&agenda->remotes);
    free(agenda);
}
