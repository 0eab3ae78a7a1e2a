/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/showing.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "core/fnv.h"
#include "status/atlas.h"
#include "status/public.h"

enum {
    WRITE_MS = 2000,
    STILL_MS = 60000 /* written again without news: so one can tell that there is none */
};

void showing_take(struct showing *showing, const struct config *config, struct counters *counters,
                  struct instant now)
{
    if (showing->counters)
        counters_succeed(counters, showing->counters);
    else
        showing->started_s = now.wall_s;
    counters_free(showing->counters);
    atlas_free(showing->atlas);
    showing->counters = counters;
    showing->atlas = atlas_new(config);
    showing->config = config;
    showing->mark = 0;
    showing->written_ms = now.steady_ms - WRITE_MS;
}

void showing_end(struct showing *showing)
{
    counters_free(showing->counters);
    atlas_free(showing->atlas);
    showing->counters = NULL;
    showing->atlas = NULL;
}

/* ---- a moment's status ---- */

static struct target_health health_of_remote(const struct remotes *remotes,
                                             const struct remote *remote,
                                             const struct probing *rules, struct instant now)
{
    const struct monitor *monitor = &remote->monitor;
    struct target_health health = {.known = true,
                                   .state = remote_state(remote, rules, now),
                                   .checked_s = monitor->checked_s,
                                   .witnesses = (unsigned)remote->witnesses.count,
                                   .admit = remote_admit(remote, rules, now),
                                   .extra = remotes_extra_part(remotes, remote, now),
                                   .head_ms = (unsigned)ceil(monitor->head_ms),
                                   .changed_s = monitor->changed_s,
                                   .failed_s = remote_failed_s(remote),
                                   .counters = remote->counters,
                                   .in_share = remote->flow.in,
                                   .out_of_share = remote->flow.out};

    memcpy(health.failure, remote_failure(remote), sizeof health.failure);
    return health;
}

static void add_targets(struct status *status, const struct showing *showing,
                        const struct showing_view *view)
{
    const struct config *config = showing->config;

    status->target_count = config->target_count;
    for (size_t i = 0; i < config->target_count; i++) {
        const struct target *target = &config->targets[i];
        const struct remote *remote = remotes_find(view->remotes, target->id);
        struct status_target *t = &status->target[i];
        *t = (struct status_target){
            .target = target,
            .health = health_of_remote(view->remotes, remote, &config->probing, view->now),
            .counted = &showing->counters->target[i],
        };
        struct part part = control_part(view->control, target, t->health.admit);
        t->drained = part.drained;
        t->share = part.share;
        t->takes = part_taken(part);
    }
}

static void gather(struct status *status, const struct showing *showing,
                   const struct showing_view *view)
{
    status->version = PACKAGE_VERSION;
    status->config = showing->config;
    status->now_s = view->now.wall_s;
    status->started_s = showing->started_s;
    status->network_doubt_s = view->remotes->network_doubt_s;
    status->process = (int)getpid();
    status->counters = showing->counters;
    status->prober = view->lines;
    status->prober_count = view->line_count;
    status->atlas = NULL;
    add_targets(status, showing, view);
}

/* ---- news ---- */

/* A number that is another one when anything is that the files tell, but for the time. */
static uint64_t mark_of(const struct status *status)
{
    uint64_t mark = FNV_START;

    mark = fnv_mix(mark, &status->counters->changes, sizeof status->counters->changes);
    for (size_t i = 0; i < status->prober_count; i++)
        mark = fnv_mix(mark, &status->prober[i].value, sizeof status->prober[i].value);
    mark = fnv_mix(mark, &status->network_doubt_s, sizeof status->network_doubt_s);
    mark = fnv_mix(mark, &status->index, sizeof status->index);
    for (size_t i = 0; i < status->target_count; i++) {
        const struct status_target *t = &status->target[i];
        mark = fnv_mix(mark, &t->takes, sizeof t->takes);
        mark = fnv_mix(mark, &t->health.state, sizeof t->health.state);
        mark = fnv_mix(mark, &t->health.head_ms, sizeof t->health.head_ms);
        mark = fnv_mix(mark, t->health.failure, strlen(t->health.failure));
        mark = fnv_mix(mark, &t->health.counters, sizeof t->health.counters);
    }
    return mark | 1; /* never 0, which stands for nothing written */
}

bool showing_is_due(const struct showing *showing, struct instant now)
{
    return now.steady_ms - showing->written_ms >= WRITE_MS;
}

bool showing_write(struct showing *showing, const struct showing_view *view,
                   const struct state *state, struct why *why)
{
    struct status status;

    counters_settle(showing->counters);
    gather(&status, showing, view);
    index_status_read(&status.index, state->fd, status.config->index_sources,
                      status.config->index_source_count);
    uint64_t mark = mark_of(&status);
    if (mark == showing->mark && view->now.steady_ms - showing->written_ms < STILL_MS)
        return true;
    if (showing->atlas && atlas_refresh(showing->atlas, &status))
        status.atlas = showing->atlas;
    bool failed_before = showing->failed;
    showing->failed = !public_write(&status, state, why);
    showing->written_ms = view->now.steady_ms;
    showing->mark = showing->failed ? 0 : mark;
    return !showing->failed || failed_before;
}
