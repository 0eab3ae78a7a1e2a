/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of probes: an entry of the cache, a witness, answers to questions. */
#include "prober/agenda_parts.h"

enum {
    UNKNOWN_MS = 60 * 1000 /* what could not be found out is not asked again so soon, or twice */
};

/* ---- what could not be found out ---- */

bool findings_are_recent(const struct agenda *agenda, uint64_t key, struct instant now)
{
    const struct recent_unknown *recent = &agenda->unknown[key % RECENT_UNKNOWN];

    return now.steady_ms < recent->until_ms && recent->key == key;
}

static void remember_unknown(struct agenda *agenda, const struct job *job, struct instant now)
{
    int64_t pause = UNKNOWN_MS + (int64_t)jitter_below(&agenda->jitter, UNKNOWN_MS);

    agenda->unknown[job->key % RECENT_UNKNOWN] =
        (struct recent_unknown){job->key, job->remote->id, now.steady_ms + pause};
}

void findings_forget_unknown(struct agenda *agenda, const struct remote *remote)
{
    for (size_t i = 0; i < RECENT_UNKNOWN; i++)
        if (agenda->unknown[i].target == remote->id)
            agenda->unknown[i].until_ms = INT64_MIN;
}

/* ---- what could ---- */

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

static void settle(struct agenda *agenda, struct job *job, enum holding holding, struct instant now)
{
    keep(agenda, job, holding, now);
    questions_tell(agenda, job, holding);
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
            settle(agenda, job, is_good ? job->deferred : HOLDING_UNKNOWN, now);
            jobs_end(agenda, job);
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

    if (job->epoch != agenda->epoch) {
        settle(agenda, job, HOLDING_UNKNOWN, now);
        return false;
    }
    count(agenda, job, reply, now);
    if (holding == HOLDING_UNKNOWN) {
        if (reply->failure != FAILURE_NOT_SENT)
            remember_unknown(agenda, job, now);
    } else if (!monitor_is_good(&remote->monitor, &agenda->config->probing, now)) {
        job->is_deferred = remote->monitor.under_way > 0;
        job->deferred = holding;
        remote->deferred += job->is_deferred;
        holding = HOLDING_UNKNOWN;
    }
    if (!job->is_deferred)
        settle(agenda, job, holding, now);
    return job->is_deferred;
}
