/* SPDX-License-Identifier: Apache-2.0 */
/* The index, and what a routing table comes to without one. */
#include "compile.h"

#include <unistd.h>

static bool is_canonical(const struct config *config, const struct target *target)
{
    for (size_t i = 0; i < config->canonical_count; i++)
        if (config->canonical[i] == target)
            return true;
    return false;
}

static bool all_are_canonical(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (!is_canonical(config, &config->targets[i]))
            return false;
    return true;
}

/* Whether a word of a rule can only mean a canonical upstream. */
static bool means_canonical(const struct config *config, const struct step *step)
{
    switch (step->kind) {
    case STEP_CANONICAL:
        return true;
    case STEP_NEAREST:
        return all_are_canonical(config);
    case STEP_DEFAULT:
        return is_canonical(config, config->fallback);
    case STEP_BUCKET:
        return false;
    case STEP_TARGET:
        break;
    }
    return is_canonical(config, step->target);
}

/* Whether a rule leads to a canonical upstream while it is not known who holds an object. */
static bool is_safe(const struct config *config, const struct rule *rule, enum request_class class)
{
    size_t i = 0;

    while (rule->step[i].if_held) /* the last one is not */
        i++;
    return means_canonical(config, &rule->step[i]) &&
           (i == 0 || means_canonical(config, rule_unsure_step(rule, class)));
}

/* The rule by which an object of this class may go elsewhere than to canonical; NULL: none. */
static const struct rule *misleading_rule(const struct config *config, enum request_class class)
{
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct rule *rule = &config->rules[i];
        if (!(rule->classes >> class & 1))
            continue;
        if (!is_safe(config, rule, class))
            return rule;
        if (!rule->client)
            return NULL; /* no later one is reached */
    }
    return NULL;
}

/*
 * A client asks for a signature's manifest and payload by digest. Where nothing
 * tells these from ordinary content, they must not go where they are not.
 */
static void warn_of_blindness(const struct compiler *compiler)
{
    const struct config *config = compiler->config;
    const struct rule *rule = misleading_rule(config, CLASS_BLOB);
    enum request_class class = rule ? CLASS_BLOB : CLASS_MANIFEST_DIGEST;

    if (!rule)
        rule = misleading_rule(config, CLASS_MANIFEST_DIGEST);
    if (!rule)
        return;
    COMPILE_WARNING(compiler, compiler->settings->at,
                    "signatures will not be found from everywhere: clients ask for their content "
                    "by digest, nothing here tells that it is only at \"%s\", and a \"%s\" may go "
                    "elsewhere (by %s:%u): name an `index`, which `signpost index add` writes, or "
                    "write a rule with unsure = \"canonical\".",
                    config->canonical[0]->name, class_name(class), rule->at.file, rule->at.line);
}

static void compile_file(const struct compiler *compiler, const struct word *word,
                         const char **name)
{
    *name = compile_beside(compiler, word->text.at);
    if (access(*name, R_OK) < 0)
        COMPILE_WARNING(compiler, word->at,
                        "the index %s cannot be read, so it lists nothing; `signpost index add` "
                        "makes one.",
                        *name);
}

void compile_index(const struct compiler *compiler)
{
    const struct words *index = &compiler->settings->index;
    const char **names = arena_take(compiler->arena, index->count * sizeof *names);

    for (size_t i = 0; i < index->count; i++)
        compile_file(compiler, &index->item[i], &names[i]);
    compiler->config->index = names;
    compiler->config->index_count = index->count;
    if (index->count == 0 && compiler->problems->errors == 0 &&
        compiler->config->probing.start == PROBER_OFF)
        warn_of_blindness(compiler);
}
