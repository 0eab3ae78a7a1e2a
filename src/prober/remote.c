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

static void pin_witness(struct remote *remote, const struct pin *pin)
{
    struct object object = {.endpoint = pin->is_manifest ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                            .name = pin->name,
                            .digest = pin->digest};

    witnesses_pin(&remote->witnesses, pin->digest.len > 0 ? &object : NULL);
}

/* Gives a remote its target; former: those that there were before. */
static void assign(struct remote *remote, const struct target *target, const struct remotes *former)
{
    remote->target = target;
    pin_witness(remote, &target->check_object);
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
    for (size_t i = config->target_count; i-- > 0;) {
        struct remote *remote = remotes_find(&fresh, config->targets[i].id);
        if (remote)
            assign(remote, &config->targets[i], remotes);
    }
    remotes_clear(remotes);
    *remotes = fresh;
    return true;
}

bool remote_is_down(const struct remote *remote, const struct probing *rules, struct instant now)
{
    return !proof_holds(&remote->proof) || monitor_is_down(&remote->monitor, rules, now);
}

enum health_state remote_state(const struct remote *remote, const struct probing *rules,
                               struct instant now)
{
    if (remote_is_down(remote, rules, now))
        return HEALTH_DOWN;
    if (monitor_is_unchecked(&remote->monitor, rules, now))
        return HEALTH_NOT_CHECKED;
    return monitor_admit(&remote->monitor, rules, now) < 1 ? HEALTH_RETURNING : HEALTH_UP;
}

/* The provider of a target's region, "aws" of "aws:eu-west-3"; empty: it has none. */
static struct slice provider_of(const struct places *places, const struct target *target)
{
    const struct place_fact *fact = place_fact(places, target->place.region);
    const char *colon = fact ? strchr(fact->key, ':') : NULL;

    return colon ? (struct slice){fact->key, (size_t)(colon - fact->key)} : (struct slice){"", 0};
}

/* Whether its last check is of now, and whether it counts: not if it went down long ago. */
static bool is_current(const struct monitor *monitor, const struct probing *rules,
                       struct instant now)
{
    int64_t recent_ms = (int64_t)rules->interval_ms + MONITOR_CHECK_MS;

    return monitor->is_checked && now.steady_ms - monitor->checked_ms <= recent_ms &&
           (!monitor->is_down || now.steady_ms - monitor->down_ms <= recent_ms);
}

bool remotes_doubt_network(struct remotes *remotes, const struct places *places,
                           const struct probing *rules, struct instant now)
{
    size_t count = 0, failed = 0;
    struct slice provider = {"", 0};
    bool one_provider = true;

    for (size_t i = 0; i < remotes->count; i++) {
        const struct remote *remote = remotes->list[i];
        if (!is_current(&remote->monitor, rules, now))
            continue;
        count++;
        if (!remote->monitor.network_failed)
            continue;
        struct slice its = provider_of(places, remote->target);
        one_provider = one_provider && its.len > 0 && (failed == 0 || slice_equal(its, provider));
        provider = its;
        failed++;
    }
    bool doubt = count >= 4 && 2 * failed > count && !(one_provider && count - failed >= 2);
    if (doubt == (remotes->network_doubt_s != 0))
        return false;
    remotes->network_doubt_s = doubt ? now.wall_s : 0;
    return true;
}

void remotes_measure(struct remotes *remotes, const struct counters *counters,
                     const struct control *control, struct instant now)
{
    const struct probing *rules = &control->config->probing;

    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = remotes->list[i];
        const struct target *target = remote->target;
        flow_measure(
            &remote->flow,
            &(struct flow_sight){.counted = &counters->target[target - control->config->targets],
                                 .share = control_part(control, target, 1).share,
                                 .is_down = remote_is_down(remote, rules, now),
                                 .now = now});
    }
}

double remote_admit(const struct remote *remote, const struct probing *rules, struct instant now)
{
    return proof_holds(&remote->proof) ? monitor_admit(&remote->monitor, rules, now) : 0;
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

/* What was known a moment ago is known still; who was down is looked after. */
static void recall_monitor(struct monitor *monitor, const struct target_health *before,
                           const struct probing *rules, struct instant now)
{
    monitor->head_ms = before->head_ms;
    monitor->changed_s = before->changed_s;
    monitor->failed_s = before->failed_s;
    memcpy(monitor->failure, before->failure, sizeof before->failure);
    monitor->is_down = before->state == HEALTH_DOWN;
    monitor->next_ms = now.steady_ms;
    if (before->state == HEALTH_NOT_CHECKED || before->checked_s == 0 ||
        before->checked_s > now.wall_s)
        return;
    monitor->is_checked = true;
    monitor->last_good = !monitor->is_down;
    monitor->checked_s = before->checked_s;
    monitor->checked_ms = now.steady_ms - (now.wall_s - before->checked_s) * 1000;
    monitor->next_ms = monitor->checked_ms + (int64_t)rules->interval_ms;
}

void remotes_recall(struct remotes *remotes, const struct health *health,
                    const struct probing *rules, struct instant now)
{
    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = remotes->list[i];
        const struct target_health *before = health_of(health, remote->target);
        if (!before->known)
            continue;
        recall_monitor(&remote->monitor, before, rules, now);
        proof_recall(&remote->proof, before);
        remote->flow.has_former_part = true;
        remote->flow.former_part = before->extra;
    }
}
