/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned objects: when they are fetched, and what comes of it. */
#include "prober/agenda_parts.h"

#include <stdio.h>

static void conclude(struct agenda *agenda, struct remote *remote, enum proof_outcome outcome,
                     const char *failure, struct instant now)
{
    bool was_down = remote_is_down(remote), was_bad = remote->proof.state == PROOF_BAD;

    proof_body_free(remote->proof.body);
    remote->proof.body = NULL;
    if (!proof_take(&remote->proof, &agenda->config->probing, &agenda->dice, outcome, failure, now))
        return;
    if (was_bad)
        pulse_return(&remote->pulse, now);
    else if (remote->proof.state == PROOF_BAD)
        remote->pulse.changed_s = remote->pulse.failed_s = now.wall_s;
    if (was_down != remote_is_down(remote))
        findings_tell_change(agenda, remote);
}

/* The status that a part of the object comes with. */
static bool is_answer(const struct remote *remote, const struct probe_result *result)
{
    return result->status == 200 ||
           (result->status == 206 && proof_body_from(remote->proof.body) > 0);
}

static void miss(struct agenda *agenda, struct remote *remote, const struct probe_result *result,
                 struct instant now)
{
    char words[64], failure[HEALTH_FAILURE_SIZE];

    if (result->led_away)
        snprintf(failure, sizeof failure, "check_object: it leads to a host not in redirect_hosts");
    else
        snprintf(failure, sizeof failure, "check_object: %s",
                 findings_describe(result, words, sizeof words));
    conclude(agenda, remote, PROOF_MISSED, failure, now);
}

void proofs_end(struct agenda *agenda, const struct job *job, const struct probe_result *result,
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
    if (!is_answer(remote, result)) {
        miss(agenda, remote, result, now);
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
    } else if (!jobs_begin_proof(agenda, remote)) {
        conclude(agenda, remote, PROOF_MISSED, "check_object: too much is under way", now);
    }
}

void proofs_begin(struct agenda *agenda, struct instant now)
{
    for (size_t i = 0; i < agenda->remotes.count; i++) {
        struct remote *remote = agenda->remotes.list[i];
        if (!proof_due(&remote->proof, pulse_in_use(&remote->pulse, now), now))
            continue;
        remote->proof.body = proof_body_new(remote->target->check_object.digest);
        if (remote->proof.body && jobs_begin_proof(agenda, remote))
            agenda->counters.proofs++;
        else
            conclude(agenda, remote, PROOF_MISSED, "check_object: too much is under way", now);
    }
}
