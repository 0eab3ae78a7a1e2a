/* SPDX-License-Identifier: Apache-2.0 */
/* What a process knows beyond its configuration: what files tell, which change while it runs. */
#ifndef STATE_KNOWLEDGE_H
#define STATE_KNOWLEDGE_H

#include <stdbool.h>
#include "config/configuration.h"
#include "config/holding.h"
#include "core/instant.h"
#include "place/geodb.h"
#include "state/admission.h"
#include "state/cache.h"
#include "state/control.h"
#include "state/health.h"
#include "state/index.h"
#include "state/state.h"

/* Told of each thing that is wrong with a file, once: a whole sentence. */
typedef void knowledge_log(void *context, const char *text);

struct knowledge {
    const struct config *config;
    struct instant now;  /* of the last refresh */
    struct geodb *geodb; /* NULL: no addresses are looked up */
    struct index *index; /* NULL: nothing tells which digests are signatures' */
    struct state state;
    struct cache *cache;   /* NULL: nothing is known of who holds what */
    struct health *health; /* NULL: all are up */
    knowledge_log *log;
    void *log_context;
    struct control control;
};

/*
 * Gets ready to use the files that a configuration names; opens none before it
 * is needed. Borrows the configuration. What cannot be had is told to the log and
 * done without. False only if there is no memory, which is told, too: then nothing is open.
 */
bool knowledge_open(struct knowledge *knowledge, const struct config *config, struct instant now,
                    knowledge_log *log, void *context);

/*
 * The same for the files that the configuration names alone: databases and index. What
 * the state directory holds counts as not there, so that the same request always gives
 * the same decision. Not to be refreshed.
 */
bool knowledge_open_files(struct knowledge *knowledge, const struct config *config,
                          struct instant now, knowledge_log *log, void *context);

/*
 * Takes in files that were replaced; to be called about once a second. True: an
 * operator has asked for a reload of the configuration since the last call.
 */
bool knowledge_refresh(struct knowledge *knowledge, struct instant now);

/*
 * Whether a target holds an object, as far as it has been found out. hash: of the object, kept
 * by the caller from one target to the next of the same request.
 */
enum holding knowledge_holding(const struct knowledge *knowledge, const struct target *target,
                               const struct object *object, struct cache_hash *hash);

/*
 * Which part of the requests meant for it a target takes now; where nothing is known
 * (NULL), by its configuration alone.
 */
static inline struct part knowledge_part(const struct knowledge *knowledge,
                                         const struct target *target)
{
    if (!knowledge)
        return (struct part){.share = target->share, .health = 1};
    double health = knowledge->health ? health_of(knowledge->health, target)->admit : 1;
    return control_part(&knowledge->control, target, health);
}

/* Whether a target's state is known: it was checked lately. */
static inline bool knowledge_is_checked(const struct knowledge *knowledge,
                                        const struct target *target)
{
    return knowledge && health_of(knowledge->health, target)->state != HEALTH_NOT_CHECKED;
}

/*
 * Which part of the requests meant for another target, which is down, one takes that is
 * to stand in for it: by its configuration, of a rate the part that the prober makes of it.
 */
double knowledge_extra_part(const struct knowledge *knowledge, const struct target *target);

/* Closes all files. */
void knowledge_close(struct knowledge *knowledge);

#endif
