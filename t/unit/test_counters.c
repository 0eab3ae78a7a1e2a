/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of requests, and how responders report it to the prober. */
#include "asking.h"
#include "log/count.h"
#include "state/ask.h"
#include "tap.h"

static const char layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\";"
    "upstreams = { eu = { url = \"https://eu.example.org\"; serves = \"EU\"; };"
    "              us = { url = \"https://us.example.org\"; }; };"
    "pages = ( { path = \"/\"; url = \"https://example.org/\"; } );";

/* The same targets in another order, one of them gone, and a new one. */
static const char other_layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\";"
    "upstreams = { asia = { url = \"https://asia.example.org\"; };"
    "              us = { url = \"https://us.example.org\"; }; };";

enum { EU, US };

static struct config *config;

static void count_lines(struct counters *counters, const char *lines, uint64_t took_ns)
{
    struct passage passage;

    respond_decide(&passage, config, NULL, variables(lines), NULL, NULL);
    count_request(counters, config, &passage.routed, took_ns);
}

static struct counters *some_requests(void)
{
    struct counters *counters = counters_new(config);

    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/v1\nSIGNPOST_REGION=FR",
                400);
    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/v1\nSIGNPOST_REGION=FR",
                500);
    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/v1\nSIGNPOST_REGION=JP",
                501);
    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/", 1000000000);
    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/v2/", UINT64_C(1) << 40);
    count_lines(counters, "REQUEST_METHOD=PUT\nREQUEST_URI=/v2/a/manifests/v1\nSIGNPOST_REGION=JP",
                0);
    return counters;
}

/* ---- counting ---- */

/* By whose word requests by digest went where they went. */
static void check_known(void)
{
    static const struct {
        enum word_of word_of;
        bool unsure;
        unsigned known; /* KNOWINGS: it is not counted */
    } list[] = {{WORD_OF_NOBODY, false, KNOWINGS},
                {WORD_OF_CACHE, false, KNOWN_BY_CACHE},
                {WORD_OF_PROBER, false, KNOWN_BY_PROBER},
                {WORD_OF_CACHE, true, NOT_KNOWN}};
    struct passage passage;

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct counters *counters = counters_new(config);
        respond_decide(&passage, config, NULL,
                       variables("REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/v1"), NULL, NULL);
        passage.routed.decision.word_of = list[i].word_of;
        passage.routed.decision.unsure = list[i].unsure;
        count_request(counters, config, &passage.routed, 1);
        for (unsigned k = 0; k < KNOWINGS; k++)
            cmp_ok(counters->general.known[k], ==, k == list[i].known, "word %zu, count %u", i, k);
        counters_free(counters);
    }
}

static void check_requests(void)
{
    struct counters *counters = some_requests();
    const struct counters_general *general = &counters->general;
    struct counters_sums sums = counters_sum(counters);

    cmp_ok(counters->target[EU].redirected[CLASS_MANIFEST_TAG][4], ==, 2, "sent to eu from Europe");
    cmp_ok(counters->target[US].redirected[CLASS_MANIFEST_TAG][3], ==, 1, "to us from Asia");
    cmp_ok(general->answered[CLASS_PAGE][1][CONTINENT_UNKNOWN], ==, 1, "a page is a 307");
    cmp_ok(general->answered[CLASS_PING][0][CONTINENT_UNKNOWN], ==, 1, "a ping is a 200");
    cmp_ok(general->answered[CLASS_MANIFEST_TAG][4][3], ==, 1, "a PUT is a 405, from Asia");
    cmp_ok(general->took[0], ==, 3, "three took 500 ns at most");
    cmp_ok(general->took[1], ==, 1, "one a little longer");
    cmp_ok(general->took[11], ==, 1, "one just a second");
    cmp_ok(general->took[TOOK_BUCKETS - 1], ==, 1, "one longer than is measured");
    cmp_ok(general->took_ns, ==, 1401 + 1000000000 + (INT64_C(1) << 40), "the sum of their times");
    cmp_ok(sums.all, ==, 6, "all");
    cmp_ok(sums.class[CLASS_MANIFEST_TAG], ==, 4, "all of a class");
    cmp_ok(sums.status[1], ==, 4, "all redirects");
    cmp_ok(sums.continent[CONTINENT_UNKNOWN], ==, 2, "all of unknown place");
    cmp_ok(counters_sum_target(&counters->target[EU]), ==, 2, "all to eu");
    counters_free(counters);
}

static void check_words(void)
{
    struct counters *counters = counters_new(config);

    for (int i = 1; i < CONTINENTS; i++)
        ok(counters->continent[i] != NO_PLACE, "the continent %s is known", counters_continents[i]);
    for (int i = 1; i < TOOK_BUCKETS; i++)
        ok(counters_took_ns[i] > counters_took_ns[i - 1], "bucket %d is a larger one", i);
    counters_free(counters);
}

/* ---- reports ---- */

/* Sends all that is counted, in as many packets as it takes; their number, -1 if one is refused. */
static int report(const struct counters *from, struct counters *to)
{
    struct ask_report packet;
    size_t position = 0;
    int packets = 0;

    for (size_t len; (len = ask_write_report(&packet, from, &position)) > 0; packets++)
        if (!ask_is_report((union ask_packet *)&packet, len) || !ask_read_report(&packet, len, to))
            return -1;
    return packets;
}

static bool same(const struct counters *a, const struct counters *b)
{
    return memcmp(&a->general, &b->general, sizeof a->general) == 0 &&
           memcmp(a->target, b->target, a->target_count * sizeof *a->target) == 0;
}

static void check_report(void)
{
    struct counters *counters = some_requests(), *sum = counters_new(config);

    cmp_ok(report(counters, sum), ==, 1, "a report");
    ok(same(counters, sum), "… tells all");
    ok(sum->changes > 0, "… and is news");
    cmp_ok(report(counters, sum), ==, 1, "the same again");
    cmp_ok(counters_sum(sum).all, ==, 12, "… is added");
    for (size_t i = 0; i < counters->target_count; i++)
        for (unsigned class = 0; class < CLASS_ROUTED; class ++)
            for (unsigned k = 0; k < CONTINENTS; k++)
                counters->target[i].redirected[class][k] = 1 + class + k;
    for (unsigned class = 0; class < CLASSES; class ++)
        for (unsigned status = 0; status < STATUSES; status++)
            counters->general.answered[class][status][3] = 7;
    struct counters *empty = counters_new(config), *much = counters_new(config);
    cmp_ok(report(counters, much), ==, 2, "much is told in two packets");
    ok(same(counters, much), "… all of it");
    counters_free(much);
    cmp_ok(report(empty, sum), ==, 0, "nothing, in none");
    counters_free(empty);
    counters_free(counters);
    counters_free(sum);
}

static void check_taking_away(void)
{
    struct counters *counters = some_requests(), *empty = counters_new(config);
    struct ask_report packet;
    size_t position = 0;

    ask_write_report(&packet, counters, &position);
    count_lines(counters, "REQUEST_METHOD=GET\nREQUEST_URI=/v2/", 1);
    for (size_t i = 0; i < packet.count_count; i++)
        counters_take_away(counters, &packet.count[i]);
    cmp_ok(counters_sum(counters).all, ==, 1, "what came after the report is left");
    counters_free(counters);
    counters = some_requests();
    position = 0;
    ask_write_report(&packet, counters, &position);
    for (size_t i = 0; i < packet.count_count; i++)
        counters_take_away(counters, &packet.count[i]);
    ok(same(counters, empty), "what was reported is not counted again");
    counters_free(counters);
    counters_free(empty);
}

static void check_other_configuration(void)
{
    struct counters *counters = some_requests();
    struct config *other = config_of(other_layout);
    struct counters *sum = counters_new(other), *prober = counters_new(config);

    counters_join(sum, counters);
    cmp_ok(counters_sum(sum).all, ==, 6, "another configuration's counts are joined");
    cmp_ok(counters_sum_target(&sum->target[1]), ==, 1, "a target keeps them at another place");
    cmp_ok(counters_sum_target(&sum->target[0]), ==, 0, "… and a new one gets none");
    cmp_ok(report(sum, prober), ==, 1, "they are reported");
    ok(same(prober, counters), "… as they were counted, each for its target");
    counters_free(prober);
    counters_free(sum);
    config_free(other);
    counters_free(counters);
}

/* ---- reloads of responders and the prober, in any order ---- */

/* The same registries; eu is at another URL. */
static const char moved_layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\";"
    "upstreams = { us = { url = \"https://us.example.org\"; };"
    "              eu = { url = \"https://eu2.example.org\"; serves = \"EU\"; }; };";

enum { MOVED_US, MOVED_EU, REQUESTS_EACH = 3 };

/* What one process counts with, and the configuration that it has. */
struct side {
    struct config *config;
    struct counters *counters;
};

static struct side side_of(const char *text)
{
    struct side side = {.config = config_of(text)};

    side.counters = counters_new(side.config);
    return side;
}

static void end_side(struct side *side)
{
    counters_free(side->counters);
    config_free(side->config);
}

static void count_requests(struct side *responder)
{
    struct passage passage;

    for (int i = 0; i < REQUESTS_EACH; i++) {
        respond_decide(
            &passage, responder->config, NULL,
            variables("REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/v1\nSIGNPOST_REGION=FR"),
            NULL, NULL);
        count_request(responder->counters, responder->config, &passage.routed, 1);
    }
}

/* As front.c does it: what has not been reported is joined. */
static void reload_responder(struct side *responder, const char *text)
{
    struct side next = side_of(text);

    counters_join(next.counters, responder->counters);
    end_side(responder);
    *responder = next;
}

/* As prober/showing.c does it. */
static void reload_prober(struct side *prober, const char *text)
{
    struct side next = side_of(text);

    counters_succeed(next.counters, prober->counters);
    end_side(prober);
    *prober = next;
}

static void tell(struct side *responder, struct side *prober)
{
    struct ask_report packet;
    size_t position = 0;

    while (ask_write_report(&packet, responder->counters, &position) > 0)
        for (size_t i = 0; i < packet.count_count; i++) {
            counters_add(prober->counters, &packet.count[i]);
            counters_take_away(responder->counters, &packet.count[i]);
        }
}

static uint64_t sum_of(const struct side *prober, const char *name)
{
    const struct counters *c = prober->counters;

    for (size_t i = 0; i < c->place_count; i++)
        if (c->owner[i].name && strcmp(c->owner[i].name, name) == 0)
            return counters_sum_target(&c->target[i]);
    return UINT64_MAX;
}

/* Each step of a reload, in each order that there can be: r and p reload, t tells, c counts. */
static void check_orders(void)
{
    static const char *const orders[] = {"ctrctpct", "ctpctrct", "crctpct", "crpct", "cprct",
                                         "cpctrct",  "crcpct",   "cpcrct",  "rcpct", "crct"};

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct side responder = side_of(layout), prober = side_of(layout);
        uint64_t counted = 0, before = 0;
        bool decreased = false;
        for (const char *step = orders[i]; *step; step++) {
            if (*step == 'c') {
                count_requests(&responder);
                counted += REQUESTS_EACH;
            } else if (*step == 'r') {
                reload_responder(&responder, moved_layout);
            } else if (*step == 'p') {
                reload_prober(&prober, moved_layout);
            } else {
                tell(&responder, &prober);
            }
            decreased |= counters_sum(prober.counters).all < before;
            before = counters_sum(prober.counters).all;
        }
        if (!strchr(orders[i], 'p'))
            reload_prober(&prober, moved_layout);
        ok(!decreased, "%s: no sum ever decreases", orders[i]);
        cmp_ok(counters_sum(prober.counters).all, ==, counted, "  no request is lost");
        cmp_ok(sum_of(&prober, "eu"), ==, counted, "  and all are eu's, wherever it was");
        end_side(&responder);
        end_side(&prober);
    }
}

static void check_gone(void)
{
    struct side responder = side_of(layout), prober = side_of(layout);

    count_requests(&responder);
    tell(&responder, &prober);
    reload_prober(&prober, other_layout);
    count_requests(&responder);
    tell(&responder, &prober);
    cmp_ok(sum_of(&prober, "eu"), ==, 6,
           "a target that is gone keeps its counts and gets the last");
    reload_prober(&prober, other_layout);
    cmp_ok(sum_of(&prober, "eu"), ==, 6, "through another reload");
    reload_prober(&prober, moved_layout);
    cmp_ok(counters_sum_target(&prober.counters->target[MOVED_EU]), ==, 6,
           "until it is there again");
    reload_prober(&prober, layout);
    cmp_ok(counters_sum_target(&prober.counters->target[EU]), ==, 6, "or where it was");
    cmp_ok(counters_sum(prober.counters).all, ==, 6, "and nothing counts twice");
    end_side(&responder);
    end_side(&prober);
}

/* Targets that no configuration has, as of a responder with another one for good. */
static void check_strangers(void)
{
    struct side prober = side_of(layout);
    struct count count = {.target = 12345, .n = 1, .cell = 0};

    for (int i = 0; i < 2 * COUNTERS_OTHERS_MAX; i++, count.target++)
        if (!counters_add(prober.counters, &count))
            fail("an unknown target is refused");
    cmp_ok(counters_sum(prober.counters).all, ==, 2 * COUNTERS_OTHERS_MAX,
           "more unknown targets than there is room for lose no request");
    for (int i = 0; i < 100; i++)
        counters_settle(prober.counters);
    cmp_ok(counters_sum(prober.counters).all, ==, 2 * COUNTERS_OTHERS_MAX, "nor later");
    cmp_ok(prober.counters->general.answered[0][1][0], ==, 2 * COUNTERS_OTHERS_MAX,
           "they are counted without a target then");
    reload_prober(&prober, moved_layout);
    cmp_ok(counters_sum(prober.counters).all, ==, 2 * COUNTERS_OTHERS_MAX, "for good");
    end_side(&prober);
}

/* ---- hostile reports ---- */

static bool refused(struct ask_report *packet, size_t len)
{
    struct counters *sum = counters_new(config);
    bool is_refused =
        !ask_is_report((union ask_packet *)packet, len) || !ask_read_report(packet, len, sum);

    counters_free(sum);
    return is_refused;
}

static void check_hostile(void)
{
    struct counters *counters = some_requests();
    struct ask_report good, bad;
    size_t position = 0, len = ask_write_report(&good, counters, &position);

    ok(!refused(&good, len), "the report as it was");
    for (size_t n = 0; n < len; n++)
        if (!refused(&good, n))
            fail("cut to %zu bytes", n);
    pass("cut short anywhere it is refused");
    ok(refused(&good, len + 1), "too long");
    bad = good, bad.version++;
    ok(refused(&bad, len), "of another version");
    bad = good, bad.count_count = 0;
    ok(refused(&bad, offsetof(struct ask_report, count)), "of nothing");
    bad = good, bad.count_count = UINT16_MAX;
    ok(refused(&bad, len), "of more than it holds");
    struct {
        struct ask_report report;
        struct count more;
    } long_one = {.report = {.version = ASK_VERSION, .kind = ASK_KIND_REPORT}};
    long_one.report.count_count = ASK_COUNTS_MAX + 1;
    ok(refused(&long_one.report, sizeof long_one), "of more than a report can hold");
    bad = good, bad.count[0].cell = UINT32_MAX;
    ok(refused(&bad, len), "of a cell that is none");
    bad = good, bad.count[0] = (struct count){.target = 12345, .cell = 100000, .n = 1};
    ok(refused(&bad, len), "… of an unknown target");
    bad = good,
    bad.count[0] = (struct count){.target = counters->owner[EU].id, .cell = 100000, .n = 1};
    ok(refused(&bad, len), "… of a known one");
    bad = good, bad.count[0].n = UINT64_MAX;
    ok(refused(&bad, len), "of more than can be");
    counters_free(counters);
}

int main(void)
{
    config = config_of(layout);
    check_known();
    check_requests();
    check_words();
    check_report();
    check_taking_away();
    check_other_configuration();
    check_orders();
    check_gone();
    check_strangers();
    check_hostile();
    config_free(config);
    return done_testing();
}
