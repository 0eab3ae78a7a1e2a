/* SPDX-License-Identifier: Apache-2.0 */
/* The words of rules, and whom and what they are for. */
#include "config/rule.h"
#include "tap.h"
#include "tight.h"

static void check_class_words(void)
{
    static const char *const words[] = {
        "signature", "signature-digest", "manifest-tag", "manifest-digest", "blob", "tags-list"};
    static const char *const no_words[] = {"",     "blobs",   "Blob",  "ping",
                                           "page", "blo",     "other", "upload",
                                           "**",   "catalog", "blob ", "manifest"};
    unsigned all = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        unsigned bit = rule_classes_of(tight(slice_of(words[i])));
        ok(rule_is_class_word(slice_of(words[i])) && bit == 1u << i, "%s is a class", words[i]);
        all |= bit;
    }
    ok(rule_classes_of(SLICE("*")) == all, "* is all of them");
    for (size_t i = 0; i < sizeof no_words / sizeof *no_words; i++)
        ok(!rule_is_class_word(tight(slice_of(no_words[i]))), "\"%s\" is none", no_words[i]);
    ok(!rule_is_class_word((struct slice){NULL, 0}), "nothing is none");
    ok(rule_is_table_word(SLICE("default")) && !rule_is_table_word(SLICE("defaults")),
       "\"default\" stands for a table, and nothing else does");
}

static void check_step_words(void)
{
    for (int kind = 0; kind < STEP_TARGET; kind++)
        ok(step_kind_of(tight(slice_of(step_words[kind]))) == (enum step_kind)kind,
           "%s is a word for targets", step_words[kind]);
    ok(step_kind_of(SLICE("nearer")) == STEP_TARGET && step_kind_of(SLICE("")) == STEP_TARGET &&
           step_kind_of(SLICE("nearest?")) == STEP_TARGET,
       "another word may be the name of one");
}

/* Whether a rule for these clients, for blobs, matches such a request. */
static bool matches(const struct client_set *set, enum request_class class, const char *place)
{
    struct rule rule = {.classes = 1u << CLASS_BLOB, .client = set};
    struct client client = {.place = NOWHERE};

    if (place)
        client.place = place_of(NULL, place_find(NULL, slice_of(place), CODE_IS_CONTINENT));
    return rule_matches(&rule, class, &client);
}

static void check_matching(void)
{
    struct client_set gcp = {0}, everyone = {0}, nobody = {0};

    place_set_add(&gcp.places, NULL, SLICE("gcp:*"), NULL);
    place_set_add(&everyone.places, NULL, SLICE("*"), NULL);
    ok(matches(NULL, CLASS_BLOB, NULL), "without clients a rule is for all");
    ok(!matches(NULL, CLASS_MANIFEST_TAG, NULL), "but not for another class");
    ok(matches(&gcp, CLASS_BLOB, "gcp:us-east1"), "a region of the clients'");
    ok(!matches(&gcp, CLASS_BLOB, "aws:us-east-1"), "another cloud's");
    ok(!matches(&gcp, CLASS_BLOB, NULL), "an unknown place");
    ok(matches(&everyone, CLASS_BLOB, NULL), "* is for unknown places, too");
    ok(!matches(&nobody, CLASS_BLOB, "FR"), "an empty set is for nobody");
}

static void check_networks(void)
{
    struct network network;
    uint32_t asn = 64500;
    struct client_set set = {
        .networks = &network, .network_count = 1, .asns = &asn, .asn_count = 1};
    struct client client = {.place = NOWHERE};

    network_parse(SLICE("192.0.2.0/24"), &network, NULL);
    ok(!client_set_has(&set, &client), "a client without an address is in no network");
    client.address = address_parse(SLICE("192.0.2.7"));
    ok(client_set_has(&set, &client), "an address in the network");
    client.address = address_parse(SLICE("192.0.3.7"));
    ok(!client_set_has(&set, &client), "one beside it");
    client.asn = 64500;
    ok(client_set_has(&set, &client), "the autonomous system");
}

static void check_unsure(void)
{
    struct rule rule = {0};

    is(rule_unsure_step(&rule, CLASS_BLOB)->word, "nearest", "while unsure: a blob is near");
    is(rule_unsure_step(&rule, CLASS_MANIFEST_DIGEST)->word, "canonical", "a manifest canonical");
    is(rule_trouble_step(&rule)->word, "nearest", "  but not after trouble");
    rule.unsure = (struct step){.word = "default", .kind = STEP_DEFAULT};
    is(rule_unsure_step(&rule, CLASS_BLOB)->word, "default", "unless the rule says so");
}

int main(void)
{
    check_class_words();
    check_step_words();
    check_matching();
    check_networks();
    check_unsure();
    return done_testing();
}
