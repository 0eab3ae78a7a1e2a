/* SPDX-License-Identifier: Apache-2.0 */
#include "knowledge.h"

void knowledge_open(struct knowledge *knowledge, const struct config *config, knowledge_log *log,
                    void *context)
{
    struct why why;

    *knowledge = (struct knowledge){0};
    if (config->index) {
        knowledge->index = index_new(config->index, log, context);
        if (!knowledge->index)
            log(context, "There is not enough memory for the index.");
    }
    if (config->database_count == 0)
        return;
    knowledge->geodb = geodb_new(config->databases, config->database_count, &config->places, log,
                                 context, &why);
    if (!knowledge->geodb)
        log(context, why.text);
}

void knowledge_refresh(struct knowledge *knowledge, int64_t now_ms)
{
    if (knowledge->geodb)
        geodb_refresh(knowledge->geodb, now_ms);
    index_refresh(knowledge->index, now_ms);
}

enum holding knowledge_holding(const struct knowledge *knowledge, const struct target *target,
                               const struct object *object)
{
    (void)knowledge, (void)target, (void)object;
    return HOLDING_UNKNOWN;
}

double knowledge_admits(const struct knowledge *knowledge, const struct target *target)
{
    (void)knowledge, (void)target;
    return 1;
}

void knowledge_close(struct knowledge *knowledge)
{
    geodb_free(knowledge->geodb);
    index_free(knowledge->index);
    *knowledge = (struct knowledge){0};
}
