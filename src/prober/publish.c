/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>
#include "core/fnv.h"
#include "core/replacement.h"

/* Steps of a quarter. */
static int magnitude(double ms)
{
    return ms > 0 ? (int)lrint(log(ms) / log(1.25)) : -1;
}

static unsigned extra_part(const struct publication *p, const struct remote *remote)
{
    return (unsigned)lrint(HEALTH_EXTRA_ALL * remotes_extra_part(p->remotes, remote, p->now));
}

/* Of shares, what is seen: to a thousandth, and of how many by their magnitude. */
static uint64_t mix_flow(uint64_t mark, const struct publication *p, const struct remote *remote)
{
    unsigned extra = extra_part(p, remote);
    double all = (double)remote->flow.in + (double)remote->flow.out;
    int seen[] = {all > 0 ? (int)lrint(1000 * (double)remote->flow.in / all) : -1, magnitude(all)};

    return fnv_mix(fnv_mix(mark, &extra, sizeof extra), seen, sizeof seen);
}

uint64_t publish_mark(const struct publication *publication)
{
    uint64_t mark = FNV_START;

    for (size_t i = 0; i < publication->remotes->count; i++) {
        const struct remote *remote = publication->remotes->list[i];
        int admit = (int)lrint(100 * remote_admit(remote, publication->rules, publication->now));
        int head = magnitude(remote->monitor.head_ms);
        enum health_state state = remote_state(remote, publication->rules, publication->now);
        mark = fnv_mix(mark, &remote->id, sizeof remote->id);
        mark = fnv_mix(mark, &admit, sizeof admit);
        mark = fnv_mix(mark, &state, sizeof state);
        mark = fnv_mix(mark, &head, sizeof head);
        mark = fnv_mix(mark, remote_failure(remote), strlen(remote_failure(remote)));
        mark = mix_flow(mark, publication, remote);
    }
    return fnv_mix(mark, &publication->remotes->network_doubt_s, sizeof(int64_t));
}

static void write_target(const struct publication *p, const struct remote *remote, FILE *out)
{
    const struct monitor *monitor = &remote->monitor;
    const struct target_counters *c = &remote->counters;

    fprintf(out,
            "target %016" PRIx64 " %s %ld %ld %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n",
            remote->id, remote_is_down(remote, p->rules, p->now) ? "down" : "up",
            lrint(100 * remote_admit(remote, p->rules, p->now)), lrint(ceil(monitor->head_ms)),
            monitor->changed_s, remote_failed_s(remote), c->probes, c->checks, c->present,
            c->absent, c->failed, c->refused, c->skipped, remote->target->name,
            remote_failure(remote));
    fprintf(out, "flow %016" PRIx64 " %u %" PRIu64 " %" PRIu64 "\n", remote->id,
            extra_part(p, remote), remote->flow.in, remote->flow.out);
    fprintf(out, "check %016" PRIx64 " %s %" PRId64 " %zu\n", remote->id,
            health_state_words[remote_state(remote, p->rules, p->now)], monitor->checked_s,
            remote->witnesses.count);
}

static void write_all(const struct publication *p, FILE *out)
{
    fprintf(out, "signpost-health %d %" PRId64 " %u %d\n", HEALTH_VERSION, p->now.wall_s,
            p->rules->interval_ms, (int)getpid());
    if (p->remotes->network_doubt_s)
        fprintf(out, "network-doubt %" PRId64 "\n", p->remotes->network_doubt_s);
    for (size_t i = 0; i < p->remotes->count; i++)
        write_target(p, p->remotes->list[i], out);
    for (size_t i = 0; i < p->counter_count; i++)
        fprintf(out, "counter %s %" PRIu64 "\n", p->counters[i].name, p->counters[i].value);
}

bool publish(const struct publication *publication, const struct state *state, struct why *why)
{
    struct replacement new;

    if (replacement_begin(&new, state->fd, HEALTH_FILE, 0644)) {
        write_all(publication, new.file);
        if (replacement_end(&new, false))
            return true;
    }
    return why_not(why, "The file %s/%s cannot be written: %s.", state->name, HEALTH_FILE,
                   strerror(errno));
}
