/* SPDX-License-Identifier: Apache-2.0 */
/* The targets as the prober sees them: health, budgets and counters, which outlive a reload. */
#ifndef PROBER_REMOTE_H
#define PROBER_REMOTE_H

#include "config/configuration.h"
#include "prober/budget.h"
#include "prober/flow.h"
#include "prober/monitor.h"
#include "prober/proof.h"
#include "prober/witness.h"
#include "state/control.h"
#include "state/counters.h"
#include "state/health.h"

struct remote {
    unsigned holders; /* the list and each request under way */
    uint64_t id;
    const struct target *target; /* of the configuration in use; NULL: it has gone from there */
    struct monitor monitor;
    struct witnesses witnesses;
    struct budget budget;
    struct target_counters counters;
    struct flow flow;
    struct proof proof;
    bool serves_content; /* its last check was answered by a witness */
    bool wants_get;      /* it does not answer HEAD */
    size_t deferred;     /* probes that are answered, but not believed before the check ends */
    int64_t sampled_ms;  /* when it was last asked for what a client was sent there for */
};

struct remotes {
    struct remote *list[TARGETS_MAX];
    size_t count;
    int64_t
        network_doubt_s; /* since when its own network is in doubt, seconds since 1970; 0: not */
};

/*
 * Makes the list that of a configuration. A target that was there before keeps what
 * is known of it. False if there is no memory: then the list is as it was.
 */
bool remotes_take(struct remotes *remotes, const struct config *config);

/* Whether it gets no requests, by its checks or for want of a proof. */
bool remote_is_down(const struct remote *remote, const struct probing *rules, struct instant now);

/* Which part of its requests it may take: 0 to 1. */
double remote_admit(const struct remote *remote, const struct probing *rules, struct instant now);

/* How it is, for readers. */
enum health_state remote_state(const struct remote *remote, const struct probing *rules,
                               struct instant now);

/* What was wrong last. */
static inline const char *remote_failure(const struct remote *remote)
{
    return proof_holds(&remote->proof) ? remote->monitor.failure : remote->proof.failure;
}

/* When it was, seconds since 1970; 0: never. */
static inline int64_t remote_failed_s(const struct remote *remote)
{
    return proof_holds(&remote->proof) ? remote->monitor.failed_s : remote->proof.failed_s;
}

/*
 * Looks whether this machine's own network is in doubt: more than half of at least four
 * targets fail for want of a connection, unless all that fail are of one provider and two
 * others answer. True: that is news.
 */
bool remotes_doubt_network(struct remotes *remotes, const struct places *places,
                           const struct probing *rules, struct instant now);

/* Begins with what an earlier prober has published. */
void remotes_recall(struct remotes *remotes, const struct health *health,
                    const struct probing *rules, struct instant now);

/*
 * Measures how much comes to each target, by what all responders have counted and what
 * the operator has set, both of the same configuration.
 */
void remotes_measure(struct remotes *remotes, const struct counters *counters,
                     const struct control *control, struct instant now);

/* The part that a target may take of the extra requests, while others are down. */
double remotes_extra_part(const struct remotes *remotes, const struct remote *remote,
                          struct instant now);

/* The target of this id, or NULL. */
struct remote *remotes_find(const struct remotes *remotes, uint64_t id);

/* Keeps a remote while a request is under way, and lets it go. */
struct remote *remote_hold(struct remote *remote);
void remote_let_go(struct remote *remote);

/* Lets all go. */
void remotes_clear(struct remotes *remotes);

#endif
