/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/remote.h"

#include <stdlib.h>

struct remote *remote_hold(struct remote *remote)
{
    remote->holders++;
    return remote;
}

void remote_let_go(struct remote *remote)
{
    if (--remote->holders > 0)
        return;
    proof_body_free(remote->proof.body);
    free(remote);
}

struct remote *remotes_find(const struct remotes *remotes, uint64_t id)
{
    for (size_t i = 0; i < remotes->count; i++)
        if (remotes->list[i]->id == id)
            return remotes->list[i];
    return NULL;
}

/* The one there is, or a new one; NULL if there is no memory. */
static struct remote *have(const struct remotes *remotes, uint64_t id)
{
    struct remote *remote = remotes_find(remotes, id);

    if (!remote) {
        remote = calloc(1, sizeof *remote);
        if (!remote)
            return NULL;
        remote->id = id;
    }
    return remote_hold(remote);
}

void remotes_clear(struct remotes *remotes)
{
    for (size_t i = 0; i < remotes->count; i++)
        remote_let_go(remotes->list[i]);
    remotes->count = 0;
}

/* Gives a remote its target; former: those that there were before. */
static void assign(struct remote *remote, const struct target *target, const struct remotes *former)
{
    remote->target = target;
    proof_expect(&remote->proof, proof_body_possible(target->check_object.digest),
                 !remotes_find(former, target->id));
}

bool remotes_take(struct remotes *remotes, const struct config *config)
{
    struct remotes fresh = {.count = 0};

    for (size_t i = 0; i < config->target_count; i++) {
        uint64_t id = config->targets[i].id;
        if (remotes_find(&fresh, id))
            continue; /* one place under two names */
        struct remote *remote = have(remotes, id);
        if (!remote) {
            remotes_clear(&fresh);
            return false;
        }
        fresh.list[fresh.count++] = remote;
    }
    for (size_t i = 0; i < remotes->count; i++)
        remotes->list[i]->target = NULL;
    for (size_t i = config->target_count; i-- > 0;)
        assign(remotes_find(&fresh, config->targets[i].id), &config->targets[i], remotes);
    remotes_clear(remotes);
    *remotes = fresh;
    return true;
}

void remotes_measure(struct remotes *remotes, const struct counters *counters,
                     const struct control *control, struct instant now)
{
    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = remotes->list[i];
        const struct target *target = remote->target;
        flow_measure(
            &remote->flow,
            &(struct flow_sight){.counted = &counters->target[target - control->config->targets],
                                 .share = control_part(control, target, 1).share,
                                 .is_down = remote_is_down(remote),
                                 .now = now});
    }
}

double remote_admit(const struct remote *remote, const struct probing *rules, struct instant now)
{
    return proof_holds(&remote->proof) ? pulse_admit(&remote->pulse, rules, now) : 0;
}

double remotes_extra_part(const struct remotes *remotes, const struct remote *remote,
                          struct instant now)
{
    double per_second = remote->target->accept_extra.per_second, adrift = 0;

    if (!(per_second > 0))
        return remote->target->accept_extra.share;
    for (size_t i = 0; i < remotes->count; i++)
        adrift += flow_adrift(&remotes->list[i]->flow, now);
    return flow_extra_part(&remote->flow, per_second, adrift, now);
}

void remotes_recall(struct remotes *remotes, const struct health *health, struct instant now)
{
    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = remotes->list[i];
        const struct target_health *before = health_of(health, remote->target);
        if (!before->known)
            continue;
        remote->pulse.head_ms = before->head_ms;
        remote->pulse.changed_s = before->changed_s;
        remote->pulse.failed_s = before->failed_s;
        memcpy(remote->pulse.failure, before->failure, sizeof before->failure);
        remote->pulse.down = !before->up;
        remote->pulse.next_ms = now.steady_ms;
        remote->pulse.used = !before->up; /* so that it is looked after, and comes back */
        remote->pulse.used_ms = now.steady_ms;
        proof_recall(&remote->proof, before);
        remote->flow.has_former_part = true;
        remote->flow.former_part = before->extra;
    }
}
