/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rule.h"

const struct built_in_rule rule_built_in[] = {
    {"signature", {"canonical"}},
    {"signature-digest", {"canonical"}},
    {"manifest-digest", {"nearest?", "canonical"}},
    {"blob", {"bucket?", "nearest?", "canonical"}},
    {"tags-list", {"canonical"}},
    {"*", {"nearest"}},
    {NULL, {NULL}},
};

const char *const step_words[STEP_TARGET] = {[STEP_NEAREST] = "nearest",
                                             [STEP_BUCKET] = "bucket",
                                             [STEP_CANONICAL] = "canonical",
                                             [STEP_DEFAULT] = "default"};

enum step_kind step_kind_of(struct slice word)
{
    int kind = 0;

    while (kind < STEP_TARGET && !slice_equal(word, slice_of(step_words[kind])))
        kind++;
    return (enum step_kind)kind;
}

const char *const query_policy_words[] = {"endpoint", "keep", "drop", NULL};

unsigned rule_classes_of(struct slice word)
{
    if (slice_equal(word, SLICE("*")))
        return (1u << CLASS_ROUTED) - 1;
    for (unsigned class = 0; class < CLASS_ROUTED; class ++)
        if (slice_equal(word, slice_of(class_name(class))))
            return 1u << class;
    return 0;
}

bool rule_is_class_word(struct slice word)
{
    return rule_classes_of(word) != 0;
}

bool rule_is_table_word(struct slice word)
{
    return slice_equal(word, SLICE("default"));
}

const struct step rule_nearest = {.word = "nearest", .kind = STEP_NEAREST};
static const struct step canonical = {.word = "canonical", .kind = STEP_CANONICAL};

const struct step *rule_unsure_step(const struct rule *rule, enum request_class class)
{
    if (rule->unsure.word)
        return &rule->unsure;
    /* A blob is big and almost always an ordinary layer; a manifest is small. */
    return class == CLASS_BLOB ? &rule_nearest : &canonical;
}

/* A region's requests must not become the canonical registry's when it is in trouble. */
const struct step *rule_trouble_step(const struct rule *rule)
{
    return rule->unsure.word ? &rule->unsure : &rule_nearest;
}
