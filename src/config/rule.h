/* SPDX-License-Identifier: Apache-2.0 */
/* The routing table: what a rule matches, and the targets it tries in order. */
#ifndef CONFIG_RULE_H
#define CONFIG_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include "config/client.h"
#include "config/holding.h"
#include "config/target.h"
#include "core/problem.h"
#include "core/slice.h"
#include "parse/classify.h"

enum { RULE_STEPS_MAX = FINDINGS_MAX };

enum step_kind { STEP_NEAREST, STEP_BUCKET, STEP_CANONICAL, STEP_DEFAULT, STEP_TARGET };

/* The words for them in a configuration file; none for STEP_TARGET, which is there by its name. */
extern const char *const step_words[STEP_TARGET];

/* The kind of step that a word stands for; STEP_TARGET for any other word. */
enum step_kind step_kind_of(struct slice word);

/* One word of a rule's `to`. */
struct step {
    const char *word; /* as it is written */
    enum step_kind kind;
    bool if_held; /* a '?' stands behind it: only if it is known to hold the object */
    const struct target *target; /* of STEP_TARGET */
};

enum query_policy { QUERY_AS_ENDPOINT_NEEDS, QUERY_KEEP, QUERY_DROP };

/* The words for them in a configuration file, ended by NULL. */
extern const char *const query_policy_words[];

struct rule {
    struct origin at;
    unsigned classes;                /* a bit for each class below CLASS_ROUTED */
    const struct client_set *client; /* NULL: every client */
    const char *client_words;        /* the same as written, "EU", "AF"; NULL for every client */
    struct step step[RULE_STEPS_MAX];
    size_t step_count;
    struct step unsure; /* .word is NULL if the rule leaves it to the class */
    enum query_policy query;
};

/* The built-in routing table, in the words of a configuration file; ended by NULL. */
struct built_in_rule {
    const char *match, *to[4];
};
extern const struct built_in_rule rule_built_in[];

/* Whether a word may stand in a rule's `match`. */
bool rule_is_class_word(struct slice word);

/* Whether a word may stand in place of a rule. */
bool rule_is_table_word(struct slice word);

/* The classes of such a word, as bits. */
unsigned rule_classes_of(struct slice word);

/* Whether the rule is for this class of request and this client. */
static inline bool rule_matches(const struct rule *rule, enum request_class class,
                                const struct client *client)
{
    return (rule->classes >> class & 1) && (!rule->client || client_set_has(rule->client, client));
}

/* The word `nearest`, where no rule has it: for stand-ins. */
extern const struct step rule_nearest;

/* Where a request of this class goes while nothing is known of its object. */
const struct step *rule_unsure_step(const struct rule *rule, enum request_class class);

/* The same if that is since a registry that may hold it was asked, and had trouble. */
const struct step *rule_trouble_step(const struct rule *rule);

#endif
