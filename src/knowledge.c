/* SPDX-License-Identifier: Apache-2.0 */
#include "knowledge.h"

void knowledge_open(struct knowledge *knowledge, const struct config *config, knowledge_log *log,
                    void *context)
{
    struct why why;

    *knowledge = (struct knowledge){0};
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
}

void knowledge_close(struct knowledge *knowledge)
{
    geodb_free(knowledge->geodb);
    *knowledge = (struct knowledge){0};
}
