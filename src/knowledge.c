/* SPDX-License-Identifier: Apache-2.0 */
#include "knowledge.h"

#include <unistd.h>
#include "state.h"

static void open_databases(struct knowledge *knowledge, knowledge_log *log, void *context)
{
    const struct config *config = knowledge->config;
    struct why why;

    if (config->database_count == 0)
        return;
    knowledge->geodb =
        geodb_new(config->databases, config->database_count, &config->places, log, context, &why);
    if (!knowledge->geodb)
        log(context, why.text);
}

/* What the prober leaves in the state directory, as soon as there is one that can be trusted. */
static void refresh_findings(struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;

    if (!knowledge->health) {
        int directory = state_open(config->state, NULL);
        if (directory < 0)
            return;
        close(directory);
        knowledge->health = health_new(config->targets, config->target_count);
        knowledge->cache = cache_open(config->state, knowledge->log, knowledge->log_context);
    }
    health_refresh(knowledge->health, config->state, knowledge->now.wall_s);
}

static void note_control(const struct knowledge *knowledge, enum control_news news)
{
    if (news == CONTROL_DAMAGED && knowledge->log)
        knowledge->log(knowledge->log_context, knowledge->control.why.text);
}

void knowledge_open_files(struct knowledge *knowledge, const struct config *config,
                          struct instant now, knowledge_log *log, void *context)
{
    /* The list of wishes is left alone: a CGI pays for each page touched. */
    memset(knowledge, 0, offsetof(struct knowledge, control));
    knowledge->config = config;
    knowledge->now = now;
    knowledge->log = log;
    knowledge->log_context = context;
    open_databases(knowledge, log, context);
    if (config->index)
        knowledge->index = index_new(config->index, log, context);
    control_open(&knowledge->control, NULL, config);
}

void knowledge_open(struct knowledge *knowledge, const struct config *config, struct instant now,
                    knowledge_log *log, void *context)
{
    knowledge_open_files(knowledge, config, now, log, context);
    refresh_findings(knowledge);
    note_control(knowledge, control_open(&knowledge->control, config->state, config));
}

bool knowledge_refresh(struct knowledge *knowledge, struct instant now)
{
    enum control_news news = control_refresh(&knowledge->control);

    note_control(knowledge, news);
    knowledge->now = now;
    if (knowledge->geodb)
        geodb_refresh(knowledge->geodb, now.steady_ms);
    index_refresh(knowledge->index, now.steady_ms);
    refresh_findings(knowledge);
    return news == CONTROL_RELOAD;
}

enum holding knowledge_holding(const struct knowledge *knowledge, const struct target *target,
                               const struct object *object)
{
    return cache_look(knowledge->cache, target, object, knowledge->now.wall_s);
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
    memset(knowledge, 0, offsetof(struct knowledge, control));
}
