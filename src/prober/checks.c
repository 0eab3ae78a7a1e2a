/* SPDX-License-Identifier: Apache-2.0 */
/* Checks: what is asked for them, and what comes of it. They alone decide health. */
#include "prober/agenda_parts.h"

#include <stdio.h>
#include <stdlib.h>

void checks_note_change(struct agenda *agenda, const struct remote *remote, struct instant now)
{
    char sentence[256];

    if (!remote->target)
        return;
    if (remote_is_down(remote, &agenda->config->probing, now))
        snprintf(sentence, sizeof sentence, "The target \"%s\" is down: %s.", remote->target->name,
                 remote_failure(remote));
    else
        snprintf(sentence, sizeof sentence, "The target \"%s\" is up again.", remote->target->name);
    agenda->hooks.note(agenda->hooks.context, sentence);
}

/* ---- its own network ---- */

static void note_network(struct agenda *agenda)
{
    agenda->hooks.note(
        agenda->hooks.context,
        agenda->remotes.network_doubt_s
            ? "More than half of the targets cannot be connected to: this machine's own network is "
              "in doubt, so no target is taken out of service."
            : "At least half of the targets can be connected to again: checks count again.");
}

/* Whether checks may take targets down. */
static bool may_fall(struct agenda *agenda, struct instant now)
{
    struct remotes *remotes = &agenda->remotes;

    if (remotes_doubt_network(remotes, &agenda->config->places, &agenda->config->probing, now))
        note_network(agenda);
    return remotes->network_doubt_s == 0;
}

/* One that has no connection leaves the question whether others have. */
static void hurry_others(struct agenda *agenda, const struct remote *one, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (remote != one)
            monitor_hurry(&remote->monitor, monitor_doubt_ms(&agenda->config->probing), now);
    }
}

/* ---- the end of a check ---- */

static enum check_result result_of(const struct check *check)
{
    if (check->path == CHECK_BAD || check->content == CONTENT_FAILS)
        return RESULT_BAD;
    if (check->content == CONTENT_SUSPECT)
        return RESULT_SUSPECT;
    if (check->content == CONTENT_NOT_TOLD &&
        (check->path == CHECK_NEITHER || witnesses_fail(&check->remote->witnesses)))
        return RESULT_NEITHER;
    return RESULT_GOOD;
}

static void report(struct agenda *agenda, const struct check *check, struct instant now)
{
    struct remote *remote = check->remote;
    const struct probing *rules = &agenda->config->probing;
    struct check_report report = {.result = result_of(check),
                                  .network_failed = check->network_failed,
                                  .limited = check->limited,
                                  .begun_ms = check->begun_ms,
                                  .took_ms = check->took_ms,
                                  .failure = check->failure};
    bool bad = report.result == RESULT_BAD || report.result == RESULT_SUSPECT;

    if (bad)
        remote->counters.failed++;
    if (bad && report.network_failed)
        hurry_others(agenda, remote, now);
    enum monitor_change change = monitor_take(&remote->monitor, rules, &agenda->jitter, &report,
                                              !bad || may_fall(agenda, now), now);
    if (!bad)
        may_fall(agenda, now); /* the network may be in order again */
    if (change == MONITOR_SAME)
        return;
    unknown_forget(agenda, remote);
    checks_note_change(agenda, remote, now);
}

static void end(struct agenda *agenda, struct check *check, struct instant now)
{
    struct remote *remote = check->remote;

    if (check->epoch == agenda->epoch)
        report(agenda, check, now);
    agenda->check_count--;
    free(check);
    findings_settle(agenda, remote, now);
    remote_let_go(remote);
}

static void close_part(struct agenda *agenda, struct check *check, struct instant now)
{
    if (--check->open == 0)
        end(agenda, check, now);
}

/* ---- the answers to its requests ---- */

static void note_failure(struct check *check, const struct reply *reply, const char *what)
{
    char words[96];

    check->network_failed = check->network_failed || reply->failure == FAILURE_NETWORK;
    bool is_strange = !*what && (reply->status == 200 || reply->status == 401);
    snprintf(check->failure, sizeof check->failure, "%s%s%s", what,
             reply_describe(reply, words, sizeof words),
             is_strange ? ", but not as a registry does" : "");
}

static void take_path(struct agenda *agenda, struct check *check, const struct job *job,
                      const struct reply *reply)
{
    check->path = job->target_kind == TARGET_BUCKET
                      ? reply_of_bucket(reply)
                      : reply_of_path(reply, &agenda->config->probing);
    if (reply->status > 0)
        check->took_ms = reply->took_ms;
    check->limited = check->limited || reply_limits_rate(reply);
    if (job->target_kind == TARGET_BUCKET && check->path == CHECK_GOOD)
        witnesses_end_run(&check->remote->witnesses);
    if (check->path == CHECK_BAD)
        note_failure(check, reply, "");
}

/* It has lost what it had, or denies it to everybody. */
static void forget(struct agenda *agenda, struct remote *remote)
{
    char sentence[256];

    agenda->counters.forgotten++;
    if (!remote->target)
        return;
    cache_writer_forget(agenda->cache, remote->target);
    snprintf(sentence, sizeof sentence,
             "The target \"%s\" has none of the objects any more that it served before; what is "
             "known of it is forgotten. Look whether its storage was emptied or closed.",
             remote->target->name);
    agenda->hooks.note(agenda->hooks.context, sentence);
}

static void take_witness(struct agenda *agenda, struct check *check, const struct job *job,
                         const struct reply *reply)
{
    struct remote *remote = check->remote;
    struct object object = jobs_object(job);
    enum witness_meaning said = reply_of_witness(reply, reply_object(job->target_kind, &object));

    check->content = witnesses_take(&remote->witnesses, job->witness, said, job->target_kind);
    if (reply->status > 0)
        check->took_ms = reply->took_ms;
    check->limited = check->limited || reply_limits_rate(reply);
    remote->serves_content = said == WITNESS_SERVED;
    if (check->content == CONTENT_EMPTIED)
        forget(agenda, remote);
    if ((check->content == CONTENT_FAILS || check->content == CONTENT_SUSPECT) &&
        check->path != CHECK_BAD)
        note_failure(check, reply, "an object that it has served before: ");
}

void checks_take(struct agenda *agenda, const struct job *job, const struct reply *reply,
                 struct instant now)
{
    struct check *check = job->check;
    struct witness *witness = witnesses_find(&check->remote->witnesses, job->witness);

    if (witness)
        witness->asking--;
    if (check->epoch == agenda->epoch && job->kind == JOB_WITNESS)
        take_witness(agenda, check, job, reply);
    else if (check->epoch == agenda->epoch)
        take_path(agenda, check, job, reply);
    close_part(agenda, check, now);
}

/* ---- its beginning ---- */

static void begin_part(struct agenda *agenda, struct check *check, struct witness *witness)
{
    check->open++;
    if (witness)
        witness->asking++;
    if (witness ? jobs_begin_witness(agenda, check, witness) : jobs_begin_path(agenda, check))
        return;
    check->open--;
    if (witness)
        witness->asking--;
}

static void begin(struct agenda *agenda, struct remote *remote, struct instant now)
{
    struct check *check = calloc(1, sizeof *check);
    enum target_kind kind = remote->target->kind;

    if (!check) {
        struct check_report nothing = {.result = RESULT_NEITHER};
        monitor_take(&remote->monitor, &agenda->config->probing, &agenda->jitter, &nothing, false,
                     now);
        return;
    }
    *check = (struct check){.remote = remote_hold(remote),
                            .open = 1,
                            .epoch = agenda->epoch,
                            .begun_ms = now.steady_ms,
                            .path = CHECK_NEITHER,
                            .content = CONTENT_NOT_TOLD};
    struct witness *witness = witnesses_choose(&remote->witnesses, kind, &agenda->jitter);
    agenda->check_count++;
    agenda->counters.checks++;
    remote->counters.checks++;
    if (kind == TARGET_UPSTREAM || !witness)
        begin_part(agenda, check, NULL);
    if (witness)
        begin_part(agenda, check, witness);
    close_part(agenda, check, now);
}

void checks_begin_if_due(struct agenda *agenda, struct remote *remote, bool watch,
                         struct instant now)
{
    struct monitor *monitor = &remote->monitor;

    if (!remote->target ||
        !monitor_check_due(monitor, &agenda->config->probing, &agenda->jitter, watch, now))
        return;
    if (monitor->under_way > 1)
        hurry_others(agenda, remote, now); /* the one before has no answer yet */
    begin(agenda, remote, now);
}
