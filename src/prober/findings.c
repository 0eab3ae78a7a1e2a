/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of probes: an entry of the cache, a witness, answers to questions. */
#include "prober/agenda_parts.h"

static void keep(struct agenda *agenda, const struct job *job, enum holding holding,
                 struct instant now)
{
    struct remote *remote = job->remote;
    struct object object = jobs_object(job);

    switch (holding) {
    case HOLDING_PRESENT:
        agenda->counters.present++;
        remote->counters.present++;
        cache_writer_add(agenda->cache, job->key, holding, now.wall_s);
        witnesses_offer(&remote->witnesses, &object, &agenda->jitter, now);
        break;
    case HOLDING_ABSENT:
        agenda->counters.absent++;
        remote->counters.absent++;
        cache_writer_add(agenda->cache, job->key, holding, now.wall_s);
        break;
    case HOLDING_UNKNOWN:
        agenda->counters.unknown++;
        break;
    }
}

static void settle(struct agenda *agenda, struct job *job, struct verdict verdict,
                   struct instant now)
{
    keep(agenda, job, verdict.holding, now);
    questions_tell(agenda, job, verdict, now);
}

void findings_settle(struct agenda *agenda, struct remote *remote, struct instant now)
{
    bool is_good = monitor_is_good(&remote->monitor, &agenda->config->probing, now);
    struct job *next;

    if (remote->deferred == 0 || (!is_good && remote->monitor.under_way > 0))
        return;
    for (size_t i = 0; i < JOB_LISTS; i++)
        for (struct job *job = agenda->table[i]; job; job = next) {
            next = job->next;
            if (!job->is_deferred || job->remote != remote)
                continue;
            remote->deferred--;
            bool is_known = is_good && !job->is_void;
            settle(agenda, job, (struct verdict){is_known ? job->deferred : HOLDING_UNKNOWN, false},
                   now);
            jobs_end(agenda, job);
        }
}

/* ---- forgetting ---- */

static void forget_jobs(struct agenda *agenda, const struct remote *remote, const uint64_t *key,
                        struct instant now)
{
    for (size_t i = 0; i < JOB_LISTS; i++)
        for (struct job *job = agenda->table[i]; job; job = job->next)
            if (job->kind == JOB_PROBE && job->remote == remote && (!key || job->key == *key)) {
                job->is_void = true;
                questions_tell(agenda, job, (struct verdict){HOLDING_UNKNOWN, false}, now);
            }
}

static void forget_key(struct agenda *agenda, struct remote *remote, uint64_t key,
                       struct instant now)
{
    struct recent_unknown *recent = &agenda->unknown[key % RECENT_UNKNOWN];

    cache_writer_clear_entry(agenda->cache, key);
    if (recent->key == key)
        recent->until_ms = INT64_MIN;
    forget_jobs(agenda, remote, &key, now);
}

void findings_forget(struct agenda *agenda, struct remote *remote, const struct object *object,
                     struct instant now)
{
    static const enum endpoint endpoints[] = {ENDPOINT_MANIFESTS, ENDPOINT_BLOBS};

    if (object->endpoint == ENDPOINT_NONE) {
        cache_writer_forget(agenda->cache, remote->target);
        unknown_forget(agenda, remote);
        forget_jobs(agenda, remote, NULL, now);
        return;
    }
    for (int i = 0; i < 2; i++) { /* a digest does not tell which of them it is of */
        struct object one = {endpoints[i], object->name, object->digest};
        struct cache_hash hash = {0};
        forget_key(agenda, remote, cache_writer_key(agenda->cache, remote->target, &one, &hash),
                   now);
    }
}

/* ---- the end of a probe ---- */

static void count(struct agenda *agenda, const struct job *job, const struct reply *reply,
                  struct instant now)
{
    struct remote *remote = job->remote;
    const struct probing *rules = &agenda->config->probing;

    agenda->counters.redirected_away += reply->led_away;
    agenda->counters.other_objects += reply->digest == DIGEST_OTHER;
    if (reply->status > 0 && reply->status < 500)
        monitor_note_time(&remote->monitor, reply->took_ms);
    if (reply_limits_rate(reply)) {
        agenda->counters.limited++;
        budget_cut(&remote->budget, &rules->rate, job->begun_ms, reply->retry_after_s,
                   now.steady_ms);
    }
    if (reply_is_trouble(reply))
        monitor_hurry_for_probe(&remote->monitor, rules, now);
}

bool findings_end_probe(struct agenda *agenda, struct job *job, const struct reply *reply,
                        struct instant now)
{
    struct remote *remote = job->remote;
    struct object object = jobs_object(job);
    struct reply_object asked = reply_object(job->target_kind, &object);
    asked.serves_content = asked.kind == TARGET_BUCKET && remote->serves_content;
    enum holding holding = reply_holding(reply, asked);
    bool in_trouble = holding == HOLDING_UNKNOWN && reply_is_refusal(reply);

    if (job->epoch != agenda->epoch || job->is_void) {
        settle(agenda, job, (struct verdict){HOLDING_UNKNOWN, false}, now);
        return false;
    }
    count(agenda, job, reply, now);
    if (holding == HOLDING_UNKNOWN) {
        if (reply->failure != FAILURE_NOT_SENT)
            unknown_add(agenda, job, in_trouble, now);
    } else if (!monitor_is_good(&remote->monitor, &agenda->config->probing, now)) {
        job->is_deferred = remote->monitor.under_way > 0;
        job->deferred = holding;
        remote->deferred += job->is_deferred;
        holding = HOLDING_UNKNOWN;
    }
    if (!job->is_deferred)
        settle(agenda, job, (struct verdict){holding, in_trouble}, now);
    return job->is_deferred;
}
