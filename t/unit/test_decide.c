/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions: the rule, the target, and what was passed over on the way to it. */
#include "asking.h"
#include "route/decide.h"
#include "route/locate.h"
#include "tap.h"
#include "tight.h"

#define TAG       "/v2/a/manifests/v1"
#define MANIFEST  "/v2/a/manifests/" SHA256
#define BLOB      "/v2/a/blobs/" SHA256
#define SIGNATURE "/v2/a/manifests/sha256-" HEX64 ".sig"
#define REFERRERS "/v2/a/referrers/" SHA256
#define TAGS      "/v2/a/tags/list"

/* ---- a decision as one line of text ---- */

static char told[1024];

static void saw(void *ctx, const struct step *step, const struct target *target,
                enum verdict verdict)
{
    static const char *const words[] = {[VERDICT_TAKEN] = "taken",
                                        [VERDICT_NOT_KNOWN] = "not known",
                                        [VERDICT_ABSENT] = "absent",
                                        [VERDICT_DOWN] = "down",
                                        [VERDICT_NOT_IN_SHARE] = "not in its share",
                                        [VERDICT_NONE] = "none",
                                        [VERDICT_NO_BLOB] = "no blob",
                                        [VERDICT_IPV4_ONLY] = "IPv4 only"};
    size_t len = strlen(told);

    (void)ctx;
    snprintf(told + len, sizeof told - len, "%s%s %s %s", len ? ", " : "", step->word,
             target ? target->name : "-", words[verdict]);
}

/* Decides on a GET from a client in this region with this address; each may be NULL. */
static struct decision decided(const struct config *config, const char *target, const char *region,
                               const char *address)
{
    static struct request request;
    struct decision_trace trace = {.saw = saw};
    char lines[1024];

    snprintf(lines, sizeof lines,
             "REQUEST_METHOD=GET\nREQUEST_URI=%s\nSIGNPOST_REGION=%s\nREMOTE_ADDR=%s", target,
             region ? region : "", address ? address : "");
    request_read(&request, &config->request, variables(lines));
    struct classified classified = classify(request.path, &config->signatures);
    struct client client = locate(config, NULL, &request);
    told[0] = '\0';
    struct decision decision;
    decide(&(struct question){.config = config,
                              .request = &request,
                              .classified = &classified,
                              .client = &client,
                              .trace = &trace},
           &decision);
    return decision;
}

static void goes(const struct config *config, const char *target, const char *region,
                 const char *want, bool unsure)
{
    struct decision decision = decided(config, target, region, NULL);

    is(told, want, "%s from %s", target, region ? region : "nowhere");
    ok(decision.outcome == OUTCOME_REDIRECT && decision.unsure == unsure, "  %s",
       unsure ? "unsure" : "sure");
}

/* ---- the built-in rules ---- */

static void check_built_in(void)
{
    struct config *config = config_of(
        "name = \"r\"; canonical = \"us\"; upstreams = {"
        "  eu = { url = \"https://eu\"; serves = \"EU\"; }; us = { url = \"https://us\"; }; };"
        "buckets = ( { name = \"cdn\"; url = \"https://cdn/{digest}\"; serves = \"FR\"; } );");

    goes(config, TAG, NULL, "nearest us taken", false);
    goes(config, TAG, "FR", "nearest eu taken", false);
    goes(config, TAGS, "FR", "canonical us taken", false);
    goes(config, SIGNATURE, "FR", "canonical us taken", false);
    goes(config, REFERRERS, "FR", "canonical us taken", false);
    goes(config, "/v2/a/manifests/sha256-" HEX64, "FR", "canonical us taken", false);
    goes(config, "/v2/a/manifests/sha512-" HEX64, "FR", "canonical us taken", false);
    goes(config, "/v2/a/manifests/sha256-" HEX63, "FR", "nearest eu taken", false);
    goes(config, MANIFEST, "FR", "nearest? eu not known, canonical us taken", true);
    goes(config, BLOB, "FR", "bucket? cdn not known, nearest? eu not known, nearest eu taken",
         true);
    goes(config, BLOB, "DE", "bucket? - none, nearest? eu not known, nearest eu taken", true);
    goes(config, BLOB, NULL, "bucket? - none, nearest? us taken", false); /* the last, anyway */
    config_free(config);
}

/* ---- rules of one's own ---- */

static void check_own_rules(void)
{
    struct config *config = config_of(
        "name = \"r\"; canonical = [ \"us\" ]; default = \"as\"; upstreams = {"
        "  eu = { url = \"https://eu\"; serves = \"EU\"; }; us = { url = \"https://us\"; };"
        "  as = { url = \"https://as\"; }; };"
        "buckets = { cdn = { url = \"https://cdn/{digest}\"; serves = \"*\"; }; };"
        "rules = ("
        "  { match = \"blob\"; client = \"FR\"; to = [ \"cdn?\", \"eu?\", \"us\" ]; unsure = "
        "\"as\"; },"
        "  { match = [ \"blob\", \"manifest-tag\" ]; client = [ \"DE\", \"gcp:*\" ]; to = \"as\"; "
        "},"
        "  { match = [ \"manifest-digest\", \"blob\" ]; to = [ \"bucket\", \"canonical\" ]; },"
        "  { match = \"tags-list\"; to = \"default\"; }, \"default\" );");

    goes(config, BLOB, "FR", "cdn? cdn not known, eu? eu not known, as as taken", true);
    goes(config, BLOB, "DE", "as as taken", false);
    goes(config, TAG, "gcp:us-east1", "as as taken", false);
    goes(config, TAG, "FR", "nearest eu taken", false);
    goes(config, BLOB, NULL, "bucket cdn taken", false);
    goes(config, MANIFEST, "FR", "bucket cdn no blob, canonical us taken", false);
    goes(config, TAGS, "FR", "default as taken", false);
    goes(config, SIGNATURE, "DE", "canonical us taken", false);
    config_free(config);
}

static void check_first_match(void)
{
    struct config *config =
        config_of("name = \"r\"; canonical = \"us\"; upstreams = {"
                  "  eu = { url = \"https://eu\"; }; us = { url = \"https://us\"; }; };"
                  "rules = ( { match = \"*\"; client = \"EU\"; to = \"eu\"; },"
                  "          { match = \"*\"; client = \"FR\"; to = \"us\"; }, \"default\" );");
    struct decision decision = decided(config, TAG, "FR", NULL);

    ok(decision.rule == &config->rules[0], "the first rule that matches is taken");
    is(decision.target->name, "eu", "  with its target");
    config->rule_count = 1;
    decision = decided(config, TAG, "JP", NULL);
    ok(decision.rule == &config->rules[0], "where none matches, the last one is taken");
    config_free(config);
}

/* ---- IPv6 ---- */

static void check_ipv6(void)
{
    struct config *config =
        config_of("name = \"r\"; canonical = [ \"us\", \"as\" ]; upstreams = {"
                  "  eu = { url = \"https://eu\"; serves = \"EU\"; ipv4_only = true; };"
                  "  us = { url = \"https://us\"; ipv4_only = true; };"
                  "  as = { url = \"https://as\"; }; };"
                  "buckets = ( { name = \"cdn\"; url = \"https://cdn/{digest}\"; serves = \"FR\";"
                  "              ipv4_only = true; } );"
                  "rules = ( { match = \"tags-list\"; to = [ \"us\", \"as\" ]; }, \"default\" );");

    decided(config, TAG, "FR", "192.0.2.1");
    is(told, "nearest eu taken", "a client with an IPv4 address");
    decided(config, TAG, "FR", "::ffff:192.0.2.1");
    is(told, "nearest eu taken", "one with a v4-mapped address");
    decided(config, TAG, "FR", "2001:db8::1");
    is(told, "nearest as taken", "one with an IPv6 address goes where IPv6 is");
    decided(config, SIGNATURE, "FR", "2001:db8::1");
    is(told, "canonical as taken", "to the next canonical upstream");
    decided(config, TAGS, "FR", "2001:db8::1");
    is(told, "us us IPv4 only, as as taken", "to the next of a rule");
    decided(config, BLOB, "FR", "2001:db8::1");
    is(told, "bucket? - none, nearest? as taken", "to no IPv4 bucket");
    config_free(config);
}

/* Where nobody can be reached by IPv6, the client is sent on all the same: it may have IPv4 too. */
static void check_ipv6_nowhere(void)
{
    struct config *config = config_of(
        "name = \"r\"; upstreams = { us = { url = \"https://us\"; ipv4_only = true; }; };");

    decided(config, TAG, NULL, "2001:db8::1");
    is(told, "nearest - none, canonical us taken", "a tag");
    decided(config, BLOB, NULL, "2001:db8::1");
    is(told, "bucket? - none, nearest? - none, canonical - none, nearest us taken", "a blob");
    config_free(config);
}

/* ---- shares ---- */

static void check_share_of_none(void)
{
    struct config *config = config_of(
        "name = \"r\"; canonical = [ \"new\", \"us\" ]; default = \"eu\"; upstreams = {"
        "  new = { url = \"https://new\"; serves = \"FR\"; share = 0; };"
        "  eu = { url = \"https://eu\"; serves = \"EU\"; share = 0.0; };"
        "  us = { url = \"https://us\"; }; as = { url = \"https://as\"; serves = \"FR\"; }; };"
        "buckets = ( { name = \"paris\"; url = \"https://paris/{digest}\"; serves = \"FR\"; share "
        "= 0; },"
        "            { name = \"cdn\"; url = \"https://cdn/{digest}\"; serves = \"*\"; } );"
        "rules = ( { match = \"tags-list\"; to = [ \"new\", \"default\" ]; }, \"default\" );");

    goes(config, TAG, "FR", "nearest new not in its share, nearest as taken", false);
    goes(config, TAG, "DE",
         "nearest new not in its share, nearest eu not in its share, nearest us taken", false);
    goes(config, TAG, "US", "nearest us taken", false);
    goes(config, BLOB, "FR",
         "bucket? paris not in its share, bucket? cdn not known, nearest? new not in its share, "
         "nearest? as not known, nearest as taken",
         true);
    goes(config, SIGNATURE, "FR", "canonical us taken", false);
    goes(config, TAGS, "FR", "new new not in its share, default eu taken", false);
    struct decision d = decided(config, TAGS, "FR", NULL);
    ok(d.draw_count == 1 && d.draw[0].target == config->targets && !d.draw[0].is_in,
       "a target that a rule names is noted, too");
    config_free(config);
}

/* A share is for who else may have the request: without any, nothing is lost. */
static void check_share_alone(void)
{
    struct config *config = config_of(
        "name = \"r\"; upstreams = { us = { url = \"https://us\"; share = 0; }; };"
        "buckets = { cdn = { url = \"https://cdn/{digest}\"; serves = \"*\"; share = 0; }; };");

    goes(config, TAG, NULL, "nearest us taken", false);
    goes(config, SIGNATURE, "FR", "canonical us taken", false);
    goes(config, MANIFEST, "FR", "nearest? us taken", false);
    goes(config, BLOB, "FR", "bucket? cdn not in its share, nearest? us taken", false);
    config_free(config);
}

/* Of requests from many addresses, those that go to `new` and those that count it as passed. */
static void check_share_of_some(void)
{
    struct config *config =
        config_of("name = \"r\"; canonical = \"us\"; upstreams = {"
                  "  new = { url = \"https://new\"; serves = \"EU\"; share = 0.25; };"
                  "  eu = { url = \"https://eu\"; serves = \"EU\"; share = 0.5; };"
                  "  us = { url = \"https://us\"; }; };");
    int to[3] = {0}, drawn[3] = {0}, in[3] = {0}, flips = 0;

    for (int i = 0; i < 4000; i++) {
        char address[32];
        snprintf(address, sizeof address, "198.51.%d.%d", i / 250, i % 250);
        struct decision d = decided(config, TAG, "FR", address);
        to[d.target - config->targets]++;
        flips += decided(config, "/v2/b/manifests/v2", "FR", address).target != d.target;
        for (size_t k = 0; k < d.draw_count; k++) {
            drawn[d.draw[k].target - config->targets]++;
            in[d.draw[k].target - config->targets] += d.draw[k].is_in;
        }
    }
    cmp_ok(flips, ==, 0, "a client stays with its target whatever it asks for");
    ok(to[0] > 900 && to[0] < 1100, "a quarter goes to the first (%d)", to[0]);
    ok(to[1] > 1400 && to[1] < 1600, "half of the rest to the second (%d)", to[1]);
    cmp_ok(drawn[0], ==, 4000, "all were meant for the first");
    cmp_ok(drawn[1], ==, 4000 - to[0], "what it lets pass was meant for the second");
    ok(in[0] == to[0] && in[1] == to[1], "who is in went there");
    cmp_ok(drawn[2], ==, 0, "who has no share is not counted");
    config_free(config);
}

/* ---- in trouble ---- */

static struct decision last; /* of sent() */

/* How each upstream of a configuration is: U up, ? not checked, D down, R drained. */
static const struct target *sent(const struct config *config, const char *states,
                                 const char *target, const struct findings *findings)
{
    static struct request request;
    struct knowledge knowledge = {.config = config,
                                  .health = health_new(config->targets, config->target_count)};
    knowledge.control.config = config;
    for (size_t i = 0; i < config->target_count; i++) {
        struct target_health health = {.known = true, .state = HEALTH_UP, .admit = 1, .extra = 1};
        if (states[i] == '?')
            health.state = HEALTH_NOT_CHECKED;
        if (states[i] == 'D')
            health = (struct target_health){.known = true, .state = HEALTH_DOWN, .extra = 1};
        health_put(knowledge.health, &config->targets[i], &health);
        knowledge.control.wish[i] = (struct wish){states[i] == 'R', CONTROL_NO_SHARE};
    }
    char lines[512];
    snprintf(lines, sizeof lines, "REQUEST_METHOD=GET\nREQUEST_URI=%s\nSIGNPOST_REGION=FR", target);
    request_read(&request, &config->request, variables(lines));
    struct classified classified = classify(request.path, &config->signatures);
    struct client client = locate(config, NULL, &request);
    decide(&(struct question){.config = config,
                              .knowledge = &knowledge,
                              .request = &request,
                              .classified = &classified,
                              .client = &client,
                              .findings = findings},
           &last);
    health_free(knowledge.health);
    return last.target;
}

/* Seen from France, the upstreams are ever farther away. */
static const char four[] = "name = \"r\"; canonical = [ \"us\", \"br\" ]; upstreams = {"
                           "  fr = { url = \"https://fr\"; place = \"FR\"; }; de = { url = "
                           "\"https://de\"; place = \"DE\"; };"
                           "  us = { url = \"https://us\"; place = \"US\"; }; br = { url = "
                           "\"https://br\"; place = \"BR\"; "
                           "}; };";

static void check_order_in_trouble(void)
{
    static const struct {
        const char *states, *nearest, *canonical;
    } list[] = {
        {"UUUU", "fr", "us"}, {"?UUU", "fr", "us"}, {"DUUU", "de", "us"}, {"D?UU", "us", "us"},
        {"D???", "de", "us"}, {"DD?U", "br", "us"}, {"DDDD", "fr", "us"}, {"RDDD", "de", "us"},
        {"RR?D", "us", "us"}, {"RRRD", "br", "br"}, {"RRRR", "fr", "us"}, {"UUDU", "fr", "br"},
        {"UUD?", "fr", "br"}, {"UURD", "fr", "br"}, {"DRDD", "fr", "us"},
    };
    struct config *config = config_of(four);

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        is(sent(config, list[i].states, TAG, NULL)->name, list[i].nearest, "%s: a tag",
           list[i].states);
        is(sent(config, list[i].states, SIGNATURE, NULL)->name, list[i].canonical,
           "%s: a signature", list[i].states);
    }
    sent(config, "DDDD", TAG, NULL);
    ok(!last.stand_in, "where all are down, none stands in");
    config_free(config);
}

/* A rule's own order goes first; where all of it is out, its first, but drained ones last. */
static void check_rule_in_trouble(void)
{
    static const struct {
        const char *states, *want;
    } list[] = {{"UUUU", "fr"}, {"DUUU", "de"}, {"D?UU", "de"}, {"DDUU", "fr"},
                {"RDUU", "de"}, {"DRUU", "fr"}, {"RRUU", "fr"}};
    char text[1024];
    snprintf(text, sizeof text, "%s rules = ( { match = \"*\"; to = [ \"fr\", \"de\" ]; } );",
             four);
    struct config *config = config_of(text);

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        is(sent(config, list[i].states, TAG, NULL)->name, list[i].want, "%s: first fr, then de",
           list[i].states);
    config_free(config);
}

/* All that are passed over since they are down are named, each once. */
static void check_named_down(void)
{
    char text[1024];
    snprintf(text, sizeof text,
             "%s rules = ( { match = \"*\"; to = [ \"canonical?\", \"nearest?\", \"canonical\" ];"
             " } );",
             four);
    struct config *config = config_of(text);

    sent(config, "DURD", MANIFEST, NULL);
    cmp_ok(last.down_count, ==, 3, "three are down");
    for (size_t i = 0; i < 3 && last.down_count == 3; i++)
        is(last.down[i]->name, ((const char *[]){"us", "br", "fr"})[i], "in their order");
    config_free(config);
}

/* Where it is not known who holds a blob, one that is known not to hold it is no choice. */
static void check_absent_at_nearest(void)
{
    struct config *config = config_of(
        "name = \"r\"; canonical = [ \"us\" ]; upstreams = { fr = { url = \"https://fr\"; place = "
        "\"FR\"; }; us = { url = \"https://us\"; place = \"US\"; }; };"
        "buckets = { cdn = { url = \"https://cdn/{digest}\"; serves = \"*\"; }; };");
    struct findings findings = {.target = {&config->targets[2], &config->targets[0]},
                                .holding = {HOLDING_UNKNOWN, HOLDING_ABSENT},
                                .count = 2};

    is(sent(config, "UUU", BLOB, &findings)->name, "us", "absent nearby: the rule's last");
    findings.holding[1] = HOLDING_UNKNOWN;
    is(sent(config, "UUU", BLOB, &findings)->name, "fr", "not known at all: the nearest");
    config_free(config);
}

/* What is asked for by digest cannot be answered wrongly, only not at all. */
static void check_canonical_down(void)
{
    static const struct {
        const char *states, *digest, *tags;
    } list[] = {{"UUUU", "us", "us"}, {"UUDU", "br", "br"}, {"UUDD", "fr", "us"},
                {"DUDD", "de", "us"}, {"UURR", "fr", "us"}, {"DDDD", "us", "us"},
                {"UURD", "fr", "br"}, {"RUDD", "de", "us"}};
    char text[1024];
    snprintf(text, sizeof text,
             "%s rules = ( { match = [ \"manifest-digest\", \"blob\" ]; to = [ \"canonical\" ]; }, "
             "\"default\" );",
             four);
    struct config *config = config_of(text);

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *states = list[i].states;
        is(sent(config, states, MANIFEST, NULL)->name, list[i].digest, "%s: by digest", states);
        bool instead = !strchr("ub", list[i].digest[0]);
        is(last.step->word, instead ? "nearest" : "canonical", "%s: as what", states);
        is(sent(config, states, BLOB, NULL)->name, list[i].digest, "%s: a blob", states);
        is(sent(config, states, SIGNATURE, NULL)->name, list[i].tags, "%s: a tag", states);
        is(sent(config, states, REFERRERS, NULL)->name, list[i].tags, "%s: referrers", states);
        is(sent(config, states, TAGS, NULL)->name, list[i].tags, "%s: a list of tags", states);
    }
    config_free(config);
    config = config_of(four);
    struct findings findings = {
        .target = {&config->targets[0]}, .holding = {HOLDING_ABSENT}, .count = 1};
    is(sent(config, "UUDD", MANIFEST, &findings)->name, "us",
       "absent at the nearest: the canonical one, since a 404 would be no better");
    config_free(config);
}

static void check_canonical_order(void)
{
    static const struct {
        const char *states, *want;
    } list[] = {{"UUUU", "de"}, {"UDUU", "us"}, {"URUU", "us"}, {"UDDU", "br"},
                {"UDDD", "de"}, {"URDD", "us"}, {"U??U", "de"}, {"UD?U", "br"}};
    struct config *config = config_of(
        "name = \"r\"; canonical = [ \"us\", \"br\", \"de\" ]; canonical_order = \"nearest\"; "
        "upstreams = { fr = { url = \"https://fr\"; place = \"FR\"; };"
        "  de = { url = \"https://de\"; place = \"DE\"; };"
        "  us = { url = \"https://us\"; place = \"US\"; };"
        "  br = { url = \"https://br\"; place = \"BR\"; }; };");

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        is(sent(config, list[i].states, SIGNATURE, NULL)->name, list[i].want,
           "%s: the nearest canonical one", list[i].states);
    config_free(config);
}

/* One region's trouble must not become the canonical registry's; silence is no trouble. */
static void check_unsure(void)
{
    char text[1024];
    struct config *config = config_of(four);
    struct findings findings = {.target = {&config->targets[0]}};

    is(sent(config, "UUUU", MANIFEST, NULL)->name, "us", "nobody asked: canonical");
    is(sent(config, "UUUU", MANIFEST, &findings)->name, "us", "no answer in time: canonical");
    findings.count = 1;
    findings.target[1] = &config->targets[0];
    findings.in_trouble[1] = true; /* behind the last one */
    is(sent(config, "UUUU", MANIFEST, &findings)->name, "us", "not found out: canonical");
    is(sent(config, "UUDD", MANIFEST, &findings)->name, "fr", "… and that is down: nearest");
    findings.in_trouble[0] = true;
    is(sent(config, "UUUU", MANIFEST, &findings)->name, "fr", "the nearest has trouble: there");
    is(sent(config, "UUUU", BLOB, &findings)->name, "fr", "a blob: there anyway");
    config_free(config);

    snprintf(text, sizeof text,
             "%s rules = ( { match = \"manifest-digest\"; to = [ \"nearest?\", \"canonical\" ]; "
             "unsure = \"br\"; }, \"default\" );",
             four);
    config = config_of(text);
    findings.target[0] = &config->targets[0];
    is(sent(config, "UUUU", MANIFEST, &findings)->name, "br", "a rule's own `unsure` wins");
    config_free(config);
}

/* Registries fail at some digests: those are not asked for. */
static void check_unaskable(void)
{
    struct config *config = config_of(four);
    struct decision d = decided(config, "/v2/a/manifests/x:1", "FR", NULL);
    ok(d.unsure && d.ask_count == 0, "a digest of another algorithm: nobody is asked");
    is(d.target->name, "us", "a manifest goes to the canonical registry");
    d = decided(config, "/v2/a/blobs/sha384:" HEX64, "FR", NULL);
    ok(d.unsure && d.ask_count == 0, "a blob, too");
    is(d.target->name, "fr", "which goes to the nearest");
    d = decided(config, MANIFEST, "FR", NULL);
    cmp_ok(d.ask_count, ==, 1, "one of sha256 is asked for");
    config_free(config);

    char text[2000];
    snprintf(text, sizeof text,
             "%s rules = ( { match = \"*\"; to = [ \"nearest?\", \"canonical\" ]; } );", four);
    config = config_of(text);
    d = decided(config, REFERRERS, "FR", NULL);
    ok(!d.unsure && d.ask_count == 0, "referrers are no object: nobody is asked");
    d = decided(config, BLOB, "FR", NULL);
    cmp_ok(d.ask_count, ==, 1, "a blob is one");
    config_free(config);
}

/* ---- what is answered here ---- */

static void check_answers(void)
{
    static const struct {
        int line;
        const char *target;
        enum outcome outcome;
        int status;
        const char *code;
    } list[] = {
        {__LINE__, "/v2/", OUTCOME_PING, 0, NULL},
        {__LINE__, "/v2", OUTCOME_PING, 0, NULL},
        {__LINE__, "/privacy", OUTCOME_PAGE, 0, NULL},
        {__LINE__, "/%70rivacy?x", OUTCOME_PAGE, 0, NULL},
        {__LINE__, "/privacy/", OUTCOME_ERROR, 404, "UNSUPPORTED"},
        {__LINE__, "/", OUTCOME_ERROR, 404, "UNSUPPORTED"},
        {__LINE__, "/v2foo", OUTCOME_ERROR, 404, "UNSUPPORTED"},
        {__LINE__, "/v2/_catalog", OUTCOME_ERROR, 404, "UNSUPPORTED"},
        {__LINE__, "/v2/a/blobs/uploads/", OUTCOME_ERROR, 404, "BLOB_UPLOAD_UNKNOWN"},
        {__LINE__, "/v2/a/manifests/sha512-" HEX128, OUTCOME_ERROR, 404, "MANIFEST_UNKNOWN"},
        {__LINE__, "/v2/A/manifests/v1", OUTCOME_ERROR, 404, "MANIFEST_UNKNOWN"},
        {__LINE__, "/v2/../a/manifests/v1", OUTCOME_ERROR, 404, "MANIFEST_UNKNOWN"},
        {__LINE__, "/v2/a/blobs/v1", OUTCOME_ERROR, 404, "BLOB_UNKNOWN"},
        {__LINE__, "/v2/A/tags/list", OUTCOME_ERROR, 404, "NAME_INVALID"},
        {__LINE__, "/v2/A/referrers/" SHA256, OUTCOME_ERROR, 404, "NAME_INVALID"},
        {__LINE__, "/v2/a/referrers/v1", OUTCOME_ERROR, 400, "DIGEST_INVALID"},
        {__LINE__, "/v2/a%2Fb/manifests/v1", OUTCOME_ERROR, 404, "UNSUPPORTED"},
        {__LINE__, "/v2/a/referrers/%00", OUTCOME_ERROR, 404, "UNSUPPORTED"},
    };
    struct config *config =
        config_of("name = \"r\"; upstreams = { us = { url = \"https://us\"; }; };"
                  "pages = ( { path = \"/privacy\"; url = \"https://example.org/\"; } );");

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct decision d = decided(config, list[i].target, NULL, NULL);
        tap_ok(d.outcome == list[i].outcome, __FILE__, list[i].line, "%s", list[i].target);
        if (list[i].code)
            tap_ok(d.error && d.error->status == list[i].status &&
                       tap_same(d.error->code, list[i].code),
                   __FILE__, list[i].line, "  %d %s", list[i].status, list[i].code);
        tap_ok(told[0] == '\0', __FILE__, list[i].line, "  no target was looked at");
    }
    config_free(config);
}

int main(void)
{
    check_built_in();
    check_own_rules();
    check_first_match();
    check_ipv6();
    check_ipv6_nowhere();
    check_share_of_none();
    check_share_alone();
    check_share_of_some();
    check_order_in_trouble();
    check_rule_in_trouble();
    check_named_down();
    check_absent_at_nearest();
    check_canonical_down();
    check_canonical_order();
    check_unsure();
    check_unaskable();
    check_answers();
    return done_testing();
}
