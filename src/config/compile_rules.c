/* SPDX-License-Identifier: Apache-2.0 */
#include "config/compile.h"

#include "core/suggest.h"

static const char built_in_name[] = "built-in rules";

struct rule_list {
    struct rule *item;
    size_t count;
};

static void unknown_target(const struct compiler *compiler, const struct word *word,
                           struct slice name)
{
    struct suggestion near = suggest_start(name);

    for (int kind = 0; kind < STEP_TARGET; kind++)
        suggest_try(&near, step_words[kind]);
    for (size_t i = 0; i < compiler->config->target_count; i++)
        suggest_try(&near, compiler->config->targets[i].name);
    COMPILE_ERROR(compiler, word->at, "there is no target \"%.*s\"%s", (int)name.len, name.at,
                  suggest_ending(near.best).text);
}

static bool make_step(const struct compiler *compiler, const struct word *word, struct step *step)
{
    struct slice name = word->text;

    *step = (struct step){.word = word->text.at};
    if (slice_ends(name, SLICE("?"))) {
        step->if_held = true;
        name.len--;
    }
    step->kind = step_kind_of(name);
    if (step->kind != STEP_TARGET)
        return true;
    step->target = config_target(compiler->config, name);
    if (!step->target)
        unknown_target(compiler, word, name);
    return step->target;
}

static bool is_bucket(const struct step *step)
{
    return step->kind == STEP_BUCKET ||
           (step->kind == STEP_TARGET && step->target->kind == TARGET_BUCKET);
}

enum { WITH_DIGEST = 1 << CLASS_BLOB | 1 << CLASS_MANIFEST_DIGEST | 1 << CLASS_SIGNATURE_DIGEST };

static void warn_of_question(const struct compiler *compiler, const struct rule_setting *setting,
                             const struct rule *rule)
{
    for (size_t i = 0; i < rule->step_count; i++)
        if (rule->step[i].if_held) {
            COMPILE_WARNING(compiler, setting->at,
                            "\"%s\" is taken as if it stood without a question mark: targets are "
                            "asked only for manifests and blobs by digest, and this rule matches "
                            "none.",
                            rule->step[i].word);
            return;
        }
}

static void check_steps(const struct compiler *compiler, const struct rule_setting *setting,
                        const struct rule *rule)
{
    const struct step *last = &rule->step[rule->step_count - 1];
    bool blob = rule->classes >> CLASS_BLOB & 1;

    if (last->if_held)
        COMPILE_ERROR(compiler, setting->at,
                      "the last target of a rule must stand without a question mark: \"%s\" leaves "
                      "nowhere to go when it does not hold the object.",
                      last->word);
    for (size_t i = 0; i < rule->step_count; i++)
        if (is_bucket(&rule->step[i]) && !blob)
            COMPILE_ERROR(compiler, setting->at,
                          "a bucket holds only blobs, and this rule matches none: \"%s\".",
                          rule->step[i].word);
    if (!(rule->classes & WITH_DIGEST))
        warn_of_question(compiler, setting, rule);
    if (is_bucket(last))
        COMPILE_ERROR(compiler, setting->at,
                      "the last target of a rule must be a registry, since \"%s\" is not there for "
                      "every request.",
                      last->word);
}

static void make_steps(const struct compiler *compiler, const struct rule_setting *setting,
                       struct rule *rule)
{
    if (setting->to.count == 0 || setting->to.count > RULE_STEPS_MAX) {
        COMPILE_ERROR(compiler, setting->at, "a rule has from 1 to %d targets in `to`.",
                      RULE_STEPS_MAX);
        return;
    }
    for (size_t i = 0; i < setting->to.count; i++)
        if (make_step(compiler, &setting->to.item[i], &rule->step[rule->step_count]))
            rule->step_count++;
    if (rule->step_count == setting->to.count)
        check_steps(compiler, setting, rule);
    if (!setting->unsure.text.at || !make_step(compiler, &setting->unsure, &rule->unsure))
        return;
    if (rule->unsure.if_held || is_bucket(&rule->unsure))
        COMPILE_ERROR(compiler, setting->unsure.at,
                      "`unsure` must be a registry, without a question mark.");
}

static void add_rule(const struct compiler *compiler, struct rule_list *list,
                     const struct rule_setting *setting)
{
    struct rule *rule = &list->item[list->count];

    rule->at = setting->at;
    for (size_t i = 0; i < setting->match.count; i++)
        rule->classes |= rule_classes_of(setting->match.item[i].text);
    rule->client = compile_client_set(compiler, &setting->client);
    compiler->config->rules_ask_asn |= rule->client && rule->client->asn_count > 0;
    rule->client_words = compile_words(compiler, &setting->client);
    rule->query = (enum query_policy)setting->query;
    make_steps(compiler, setting, rule);
    list->count++;
}

/* The built-in table is read as a configuration's rules are. */
static struct groups read_built_in(const struct compiler *compiler)
{
    struct option_reader reader = {compiler->arena, compiler->problems};
    struct node root = {.at.file = built_in_name};
    struct node *rules = tree_add(compiler->arena, &root, "rules", NODE_LIST);
    struct rules_setting table = {0};

    for (const struct built_in_rule *row = rule_built_in; row->match; row++) {
        struct node *rule = tree_add(compiler->arena, rules, NULL, NODE_GROUP);
        tree_add_text(compiler->arena, rule, "match", row->match);
        struct node *to = tree_add(compiler->arena, rule, "to", NODE_ARRAY);
        for (size_t i = 0; row->to[i]; i++)
            tree_add_text(compiler->arena, to, NULL, row->to[i]);
    }
    options_read(&reader, &settings_rules_group, &root, &table);
    return table.rules;
}

static bool is_default(const struct groups *settings, size_t i)
{
    return ((const struct rule_setting *)settings->item)[i].word.text.at;
}

static size_t count_rules(const struct groups *settings, const struct groups *built_in)
{
    size_t count = 0;

    for (size_t i = 0; i < settings->count; i++)
        count += is_default(settings, i) ? built_in->count : 1;
    return count;
}

static void add_rules(const struct compiler *compiler, struct rule_list *list,
                      const struct groups *settings, const struct groups *built_in)
{
    const struct rule_setting *rules = settings->item;

    for (size_t i = 0; i < settings->count; i++) {
        if (!is_default(settings, i))
            add_rule(compiler, list, &rules[i]);
        for (size_t k = 0; is_default(settings, i) && k < built_in->count; k++)
            add_rule(compiler, list, &((const struct rule_setting *)built_in->item)[k]);
    }
}

/* A rule behind others that take all it could match is most likely a mistake. */
static void warn_of_unreachable(const struct compiler *compiler, const struct rule_list *list)
{
    unsigned taken = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->item[i];
        if (rule->at.file != built_in_name && rule->classes && !(rule->classes & ~taken))
            COMPILE_WARNING(compiler, rule->at,
                            "this rule is never reached: those before it match all that it does.");
        if (!rule->client)
            taken |= rule->classes;
    }
    if (~taken & ((1u << CLASS_ROUTED) - 1))
        COMPILE_ERROR(compiler, compiler->settings->at,
                      "the rules do not match every request: end them with \"default\", which "
                      "stands for the built-in rules.");
}

void compile_rules(const struct compiler *compiler)
{
    struct groups built_in = read_built_in(compiler);
    const struct groups *rules =
        compiler->settings->rules.count > 0 ? &compiler->settings->rules : &built_in;
    size_t count = count_rules(rules, &built_in);
    struct rule_list list = {NULL, 0};

    if (count > RULES_MAX) {
        COMPILE_ERROR(compiler, compiler->settings->at, "there are more than %d rules.", RULES_MAX);
        return;
    }
    list.item = arena_take(compiler->arena, count * sizeof *list.item);
    add_rules(compiler, &list, rules, &built_in);
    warn_of_unreachable(compiler, &list);
    compiler->config->rules = list.item;
    compiler->config->rule_count = list.count;
}
