/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of requests: a target's health, an entry of the cache, answers to questions. */
#include "prober/agenda_parts.h"

#include <stdio.h>

void findings_tell_change(struct agenda *agenda, const struct remote *remote)
{
    char sentence[256];

    if (!remote->target)
        return;
    if (remote_is_down(remote))
        snprintf(sentence, sizeof sentence, "The target \"%s\" is down: %s.", remote->target->name,
                 remote_failure(remote));
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
        findings_tell_change(agenda, remote);
}

/* Keeps a name's mark alive while it has positive answers; a bucket's tell nothing of names. */
static void remember_name(struct agenda *agenda, const struct job *job, struct instant now)
{
    struct cache_key key =
        cache_key_of_name(cache_writer_secret(agenda->cache), jobs_object(job).name);

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

const char *findings_describe(const struct probe_result *result, char *buffer, size_t size)
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
                                  result->took_ms, findings_describe(result, words, sizeof words)};

    job->remote->checking = false;
    note_health(agenda, job->remote, &report, now);
}

static void end_probe(struct agenda *agenda, struct job *job, const struct probe_result *result,
                      struct instant now)
{
    char words[64];
    struct probe_verdict verdict = probe_meaning(result, job->kind);
    struct pulse_report report = {PULSE_PROBE, verdict.health, result->took_ms,
                                  findings_describe(result, words, sizeof words)};

    agenda->counters.redirected_away += result->led_away;
    agenda->counters.other_objects += result->other_object;
    note_health(agenda, job->remote, &report, now);
    keep(agenda, job, verdict.holding, now);
    questions_tell(agenda, job, verdict.holding);
}

void agenda_done(struct agenda *agenda, struct job *job, const struct probe_result *result,
                 struct instant now)
{
    if (job->is_proof)
        proofs_end(agenda, job, result, now);
    else if (job->is_check)
        end_check(agenda, job, result, now);
    else
        end_probe(agenda, job, result, now);
    jobs_end(agenda, job);
}
