/* SPDX-License-Identifier: Apache-2.0 */
#include "route/last_resort.h"

#include <stdio.h>
#include <string.h>

static struct part part_of(const struct config *config, const struct part *part,
                           const struct target *target)
{
    return part[target - config->targets];
}

static bool takes_none(struct part part)
{
    return part.drained || part.share <= 0;
}

/* Why no upstream takes any; NULL if one does. */
static const char *why_none(const struct config *config, const struct part *part)
{
    bool all_drained = true;

    for (size_t i = 0; i < config->upstream_count; i++) {
        if (!takes_none(part[i]))
            return NULL;
        all_drained = all_drained && part[i].drained;
    }
    return all_drained ? "all upstreams are drained"
                       : "all upstreams are drained or have a share of none";
}

static bool is_canonical(const struct config *config, const struct target *target)
{
    for (size_t i = 0; i < config->canonical_count; i++)
        if (config->canonical[i] == target)
            return true;
    return false;
}

/*
 * Whether it is a canonical upstream that is taken although all take none: the first, but a
 * drained one last; if the nearest is taken, each may be somebody's.
 */
static bool is_last_canonical(const struct config *config, const struct part *part,
                              const struct target *target)
{
    const struct target *first = NULL;

    for (size_t i = 0; i < config->canonical_count; i++) {
        const struct target *canonical = config->canonical[i];
        if (!takes_none(part_of(config, part, canonical)))
            return false;
        if (!first ||
            (part_of(config, part, first).drained && !part_of(config, part, canonical).drained))
            first = canonical;
    }
    if (config->canonical_order == CANONICAL_LISTED)
        return target == first;
    return is_canonical(config, target) &&
           part_of(config, part, target).drained == part_of(config, part, first).drained;
}

static bool names(const struct config *config, const struct step *step, const struct target *target)
{
    return (step->kind == STEP_TARGET && step->target == target) ||
           (step->kind == STEP_DEFAULT && config->fallback == target);
}

/* The first rule that ends with the target itself, so that it has no other; NULL: none. */
static const struct rule *rule_for(const struct config *config, const struct target *target)
{
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct rule *rule = &config->rules[i];
        if (names(config, &rule->step[rule->step_count - 1], target))
            return rule;
    }
    return NULL;
}

static bool uses_canonical(const struct config *config)
{
    for (size_t i = 0; i < config->rule_count; i++)
        for (size_t k = 0; k < config->rules[i].step_count; k++)
            if (config->rules[i].step[k].kind == STEP_CANONICAL)
                return true;
    return false;
}

static void add(struct why *why, const char *reason)
{
    size_t len = strlen(why->text);

    snprintf(why->text + len, sizeof why->text - len, "%s%s", len ? ", and " : "", reason);
}

bool last_resort(const struct config *config, const struct part *part, const struct target *target,
                 struct why *why)
{
    const struct rule *rule = rule_for(config, target);
    const char *none = why_none(config, part);
    char place[128];

    why->text[0] = '\0';
    if (!takes_none(part_of(config, part, target)))
        return false;
    if (target->kind == TARGET_UPSTREAM && none)
        add(why, none);
    if (is_last_canonical(config, part, target) && uses_canonical(config))
        add(why, "no other canonical upstream is in service, and signatures are nowhere else");
    if (rule) {
        snprintf(place, sizeof place, "the rule at %.90s:%u ends with it",
                 rule->at.file ? rule->at.file : "", rule->at.line);
        add(why, place);
    }
    return why->text[0];
}
