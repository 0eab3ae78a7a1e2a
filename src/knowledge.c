/* SPDX-License-Identifier: Apache-2.0 */
#include "knowledge.h"

static void note_drained(struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;

    for (size_t i = 0; i < config->target_count; i++)
        knowledge->drained[i] =
            control_is_drained(&knowledge->control, target_name(&config->targets[i]));
}

static void open_databases(struct knowledge *knowledge, knowledge_log *log, void *context)
{
    const struct config *config = knowledge->config;
    struct why why;

    if (config->database_count == 0)
        return;
    knowledge->geodb = geodb_new(config->databases, config->database_count, &config->places, log,
                                 context, &why);
    if (!knowledge->geodb)
        log(context, why.text);
}

void knowledge_open(struct knowledge *knowledge, const struct config *config, struct instant now,
                    knowledge_log *log, void *context)
{
    /* The list of drained names is left alone: a CGI pays for each page touched. */
    memset(knowledge, 0, offsetof(struct knowledge, control));
    knowledge->config = config;
    knowledge->now = now;
    open_databases(knowledge, log, context);
    if (config->index)
        knowledge->index = index_new(config->index, log, context);
    control_open(&knowledge->control, config->state);
    note_drained(knowledge);
}

bool knowledge_refresh(struct knowledge *knowledge, struct instant now)
{
    enum control_news news = control_refresh(&knowledge->control);

    knowledge->now = now;
    if (knowledge->geodb)
        geodb_refresh(knowledge->geodb, now.steady_ms);
    index_refresh(knowledge->index, now.steady_ms);
    if (news != CONTROL_SAME)
        note_drained(knowledge);
    return news == CONTROL_RELOAD;
}

enum holding knowledge_holding(const struct knowledge *knowledge, const struct target *target,
                               const struct object *object)
{
    (void)knowledge, (void)target, (void)object;
    return HOLDING_UNKNOWN;
}

double knowledge_admits(const struct knowledge *knowledge, const struct target *target)
{
    return knowledge->drained[target - knowledge->config->targets] ? 0 : 1;
}

void knowledge_close(struct knowledge *knowledge)
{
    geodb_free(knowledge->geodb);
    index_free(knowledge->index);
    memset(knowledge, 0, offsetof(struct knowledge, control));
}
