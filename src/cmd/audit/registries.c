/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/registries.h"

#include <stdlib.h>
#include "config/configuration.h"

static char *copy_of(struct slice text)
{
    return text.len ? strndup(text.at, text.len) : strdup("");
}

static bool add(struct registries *registries, const struct target *target)
{
    struct registry *registry = &registries->list[registries->count++];

    *registry = (struct registry){target->name, copy_of(target->url), copy_of(target->prefix)};
    return registry->url && registry->prefix;
}

/* Whether an upstream before this one, or the canonical one, has the same URL and prefix. */
static bool is_known(const struct config *config, const struct target *target)
{
    if (target->id == config->canonical[0]->id)
        return true;
    for (const struct target *before = config->targets; before < target; before++)
        if (before->id == target->id)
            return true;
    return false;
}

bool registries_of(struct registries *registries, const struct config *config)
{
    *registries = (struct registries){
        .list = calloc(config->upstream_count + 1, sizeof *registries->list),
        .hosts = calloc(config->target_count + 1, sizeof *registries->hosts),
        .host_count = config->target_count,
    };
    if (!registries->list || !registries->hosts || !add(registries, config->canonical[0]))
        return false;
    for (size_t i = 0; i < config->upstream_count; i++)
        if (!is_known(config, &config->targets[i]) && !add(registries, &config->targets[i]))
            return false;
    for (size_t i = 0; i < config->target_count; i++)
        registries->hosts[i] = config->targets[i].url.at;
    return true;
}

void registries_clear(struct registries *registries)
{
    for (size_t i = 0; i < registries->count; i++) {
        free(registries->list[i].url);
        free(registries->list[i].prefix);
    }
    free(registries->list);
    free(registries->hosts);
    *registries = (struct registries){0};
}
