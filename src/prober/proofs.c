/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned objects: when they are fetched, and what comes of it. */
#include "prober/agenda_parts.h"

#include <stdio.h>

static void conclude(struct agenda *agenda, struct remote *remote, enum proof_outcome outcome,
                     const char *failure, struct instant now)
{
    const struct probing *rules = &agenda->config->probing;
    bool was_down = remote_is_down(remote, rules, now), was_bad = remote->proof.state == PROOF_BAD;

    proof_body_free(remote->proof.body);
    remote->proof.body = NULL;
    if (!proof_take(&remote->proof, rules, &agenda->jitter, outcome, failure, now))
        return;
    if (was_bad)
        monitor_return(&remote->monitor, now);
    else if (remote->proof.state == PROOF_BAD)
        remote->monitor.changed_s = remote->monitor.failed_s = now.wall_s;
    if (was_down != remote_is_down(remote, rules, now))
        checks_note_change(agenda, remote, now);
}

/* The status that a part of the object comes with. */
static bool is_answer(const struct remote *remote, const struct reply *reply)
{
    return reply->status == 200 ||
           (reply->status == 206 && proof_body_from(remote->proof.body) > 0);
}

/* Whether the lack of an answer says nothing of the target. */
static bool says_nothing(const struct agenda *agenda, const struct reply *reply)
{
    return reply_limits_rate(reply) || reply->failure == FAILURE_NOT_SENT ||
           (reply->failure == FAILURE_NETWORK && agenda->remotes.network_doubt_s != 0);
}

static void miss(struct agenda *agenda, struct remote *remote, const struct reply *reply,
                 struct instant now)
{
    char words[96], failure[HEALTH_FAILURE_SIZE];

    if (says_nothing(agenda, reply)) {
        conclude(agenda, remote, PROOF_NOTHING, "", now);
        return;
    }

    if (reply->led_away)
        snprintf(failure, sizeof failure, "check_object: it leads to a host not in redirect_hosts");
    else
        snprintf(failure, sizeof failure, "check_object: %s",
                 reply_describe(reply, words, sizeof words));
    conclude(agenda, remote, PROOF_MISSED, failure, now);
}

void proofs_end(struct agenda *agenda, const struct job *job, const struct reply *reply,
                struct instant now)
{
    struct remote *remote = job->remote;
    struct proof_body *body = remote->proof.body;
    char failure[HEALTH_FAILURE_SIZE];

    if (!remote->target || !proof_body_is_of(body, remote->target->check_object.digest)) {
        proof_body_free(body); /* a new configuration wants another one, or none */
        remote->proof.body = NULL;
        return;
    }
    if (job->epoch != agenda->epoch) {
        conclude(agenda, remote, PROOF_NOTHING, "", now);
        return;
    }
    if (!is_answer(remote, reply)) {
        miss(agenda, remote, reply, now);
        return;
    }
    bool is_rest = proof_body_from(body) > 0;
    unsigned long long size = proof_body_size(body);
    if (!proof_body_end(body)) {
        snprintf(failure, sizeof failure, "check_object: damaged, %llu bytes%s", size,
                 is_rest ? " of a Range" : "");
        conclude(agenda, remote, PROOF_DAMAGED, failure, now);
    } else if (is_rest || proof_body_from(body) == 0) {
        conclude(agenda, remote, PROOF_RIGHT, "", now);
    } else if (!jobs_begin_proof(agenda, remote, now)) {
        conclude(agenda, remote, PROOF_NOTHING, "", now);
    }
}

void proofs_begin(struct agenda *agenda, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (!proof_due(&remote->proof, monitor_in_use(&remote->monitor, now), now))
            continue;
        remote->proof.body = proof_body_new(remote->target->check_object.digest);
        if (remote->proof.body && jobs_begin_proof(agenda, remote, now))
            agenda->counters.proofs++;
        else
            conclude(agenda, remote, PROOF_NOTHING, "", now);
    }
}
