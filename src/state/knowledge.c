/* SPDX-License-Identifier: Apache-2.0 */
#include "state/knowledge.h"

#include <errno.h>
#include <string.h>

/* False if there is no memory. */
static bool open_databases(struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;
    struct why why;

    if (config->database_count == 0)
        return true;
    errno = 0;
    knowledge->geodb = geodb_new(config->databases, config->database_count, &config->places,
                                 knowledge->log, knowledge->log_context, &why);
    if (knowledge->geodb)
        return true;
    bool is_starved = errno == ENOMEM;
    knowledge->log(knowledge->log_context, why.text);
    return !is_starved;
}

static bool open_index(struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;

    if (config->index_count == 0 && config->index_source_count == 0)
        return true;
    knowledge->index =
        index_new(config->index, config->index_count, knowledge->log, knowledge->log_context);
    return knowledge->index;
}

/* Ready for what the prober leaves in the state directory. */
static bool open_findings(struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;

    knowledge->health = health_new(config->targets, config->target_count);
    knowledge->cache = cache_open(
        &knowledge->state, cache_lifetimes_of(config->probing.present_s, config->probing.absent_s),
        knowledge->log, knowledge->log_context);
    return knowledge->health && knowledge->cache;
}

/* Who has named no directory need not have one. */
static void tell_of_state(const struct knowledge *knowledge)
{
    const struct state *state = &knowledge->state;

    if (state->fd < 0 && !(state->is_missing && knowledge->config->state_is_default))
        knowledge->log(knowledge->log_context, state->why.text);
}

static void note_control(const struct knowledge *knowledge, enum control_news news)
{
    if ((news == CONTROL_DAMAGED || news == CONTROL_STARVED) && knowledge->log)
        knowledge->log(knowledge->log_context, knowledge->control.why.text);
}

/* Closes what has been opened, after no memory was left for the rest. */
static bool give_up(struct knowledge *knowledge)
{
    knowledge->log(knowledge->log_context, "There is not enough memory.");
    knowledge_close(knowledge);
    return false;
}

bool knowledge_open_files(struct knowledge *knowledge, const struct config *config,
                          struct instant now, knowledge_log *log, void *context)
{
    /* The list of wishes is left alone: a CGI pays for each page touched. */
    memset(knowledge, 0, offsetof(struct knowledge, control));
    knowledge->state.fd = -1;
    knowledge->config = config;
    knowledge->now = now;
    knowledge->log = log;
    knowledge->log_context = context;
    control_open(&knowledge->control, NULL, config);
    return (open_databases(knowledge) && open_index(knowledge)) || give_up(knowledge);
}

bool knowledge_open(struct knowledge *knowledge, const struct config *config, struct instant now,
                    knowledge_log *log, void *context)
{
    if (!knowledge_open_files(knowledge, config, now, log, context))
        return false;
    if (!open_findings(knowledge))
        return give_up(knowledge);
    state_begin(&knowledge->state, config->state);
    if (config->index_source_count > 0 &&
        !index_join(knowledge->index, &knowledge->state, config->index_sources,
                    config->index_source_count, config->name))
        return give_up(knowledge);
    tell_of_state(knowledge);
    health_refresh(knowledge->health, knowledge->state.fd, now.wall_s);
    enum control_news news = control_open(&knowledge->control, &knowledge->state, config);
    note_control(knowledge, news);
    return news != CONTROL_STARVED || give_up(knowledge);
}

bool knowledge_refresh(struct knowledge *knowledge, struct instant now)
{
    if (state_look(&knowledge->state))
        tell_of_state(knowledge);
    enum control_news news = control_refresh(&knowledge->control);
    note_control(knowledge, news);
    knowledge->now = now;
    if (knowledge->geodb)
        geodb_refresh(knowledge->geodb, now.steady_ms);
    index_refresh(knowledge->index, now.steady_ms);
    health_refresh(knowledge->health, knowledge->state.fd, now.wall_s);
    return news == CONTROL_RELOAD;
}

enum holding knowledge_holding(const struct knowledge *knowledge, const struct target *target,
                               const struct object *object, struct cache_hash *hash)
{
    return cache_look(knowledge->cache, target, object, hash, knowledge->now.wall_s);
}

double knowledge_extra_part(const struct knowledge *knowledge, const struct target *target)
{
    double part = target->accept_extra.share;

    if (knowledge && target->accept_extra.per_second > 0)
        part = health_of(knowledge->health, target)->extra;
    return part;
}

void knowledge_close(struct knowledge *knowledge)
{
    geodb_free(knowledge->geodb);
    index_free(knowledge->index);
    cache_close(knowledge->cache);
    health_free(knowledge->health);
    state_end(&knowledge->state);
    memset(knowledge, 0, offsetof(struct knowledge, control));
    knowledge->state.fd = -1;
}
