/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's scheduler with upstreams that live, die and are attacked, and a clock that the
 * test sets: what takes a target out of service, how soon, and what does not.
 */
#include "prober/agenda.h"
#include <stdlib.h>
#include <unistd.h>
#include "asking.h"
#include "tap.h"

enum { NOW_S = 1700000000, FLIGHTS = 4096, CLIENT = 7, STEP_MS = 100, INTERVAL_MS = 30000 };

static const char configuration[] =
    "name = \"registry.example.org\";\n"
    "upstreams = { eu = { url = \"https://eu.example.org\"; place = \"aws:eu-west-1\"; };\n"
    "              us = { url = \"https://us.example.org\"; place = \"aws:us-east-1\"; };\n"
    "              asia = { url = \"https://asia.example.org\"; place = \"gcp:asia-east1\"; }; };\n"
    "canonical = [ \"us\" ];\n"
    "buckets = ( { name = \"cdn\"; serves = [ \"*\" ]; url = \"https://cdn.example.org/{digest}\"; "
    "} );\n"
    "health_interval = 30; health_fall = 3; health_rise = 2; present_lifetime = 3600;\n"
    "absent_lifetime = 60; probe_rate = 40; probe_burst = 400;\n";

static char folder[] = "/tmp/signpost-agenda-XXXXXX";

/* How a target behaves. */
enum life {
    LIVES,
    REFUSES,    /* a connection is refused */
    BLACK_HOLE, /* nothing comes back */
    NOT_FOUND,  /* 404 to everything */
    PAGE,       /* 200 with a web page for everything */
    UNAVAILABLE,
    DEAD_STORE, /* /v2/ lives, objects do not */
    EMPTIED,    /* /v2/ lives, objects are gone */
    DENIES,     /* /v2/ lives, objects are 403 */
    LIMITS      /* 429 to everything */
};

static const char *const lives[] = {
    "lives", "refuses",      "black hole",       "404 to everything", "a web page",
    "503",   "a dead store", "an emptied store", "403 to objects",    "429"};

/* A request that is under way. */
struct flight {
    struct job *job;
    int64_t due_ms;
    struct reply reply;
    struct proof_body *body; /* of a pinned object that is wanted whole */
};

static struct {
    enum life life[4];
    struct flight flight[FLIGHTS];
    size_t flights;
    unsigned checks, probes;
    struct ask_answer answer;
    unsigned answers;
    char note[512];
    bool no_rest;       /* nothing but whole objects is asked for */
    const char *pinned; /* what comes for the pinned object; NULL: nothing */
} world;

static struct config *config;
static struct state state;
static struct cache_writer *cache;
static struct agenda *agenda;
static struct instant now;

static const char *const names[] = {"eu", "us", "asia", "cdn"};

static size_t index_of(const char *url)
{
    for (size_t i = 0; i < 4; i++)
        if (strncmp(url + 8, names[i], strlen(names[i])) == 0)
            return i;
    abort();
}

static bool is_path(const char *url)
{
    return strcmp(strstr(url, ".org") + 4, "/v2/") == 0;
}

/* What a live target answers for what strangers invent. */
static struct reply hostile_reply(const char *url)
{
    if (strstr(url, "/fault/"))
        return (struct reply){.status = 500, .is_registry = true};
    if (strstr(url, "/secret/"))
        return (struct reply){.status = 401, .is_registry = true, .wants_login = true};
    if (strstr(url, "/slow/"))
        return (struct reply){.failure = FAILURE_SILENCE, .words = "Timeout was reached"};
    if (strstr(url, "/much/"))
        return (struct reply){.status = 429};
    return (struct reply){.status = 404, .is_registry = true};
}

static struct reply live_reply(const char *url)
{
    const char *number = strrchr(url, ':');
    bool in_bucket = strstr(url, "https://cdn") && strtoul(number + 50, NULL, 16) < 256;

    if (is_path(url) || strstr(url, "/real") || in_bucket)
        return (struct reply){.status = 200, .is_registry = true, .took_ms = 20};
    return hostile_reply(url);
}

static struct reply reply_of(enum life life, const char *url)
{
    bool path = is_path(url);

    switch (life) {
    case REFUSES:
        return (struct reply){.failure = FAILURE_NETWORK,
                              .was_refused = true,
                              .took_ms = 5,
                              .words = "Could not connect"};
    case BLACK_HOLE:
        return (struct reply){.failure = FAILURE_NETWORK, .words = "Timeout was reached"};
    case NOT_FOUND:
        return (struct reply){.status = 404};
    case PAGE:
        return (struct reply){.status = 200, .type = TYPE_HTML};
    case UNAVAILABLE:
        return (struct reply){.status = 503, .type = TYPE_HTML};
    case LIMITS:
        return (struct reply){.status = 429, .retry_after_s = 1};
    case DEAD_STORE:
        return path ? live_reply(url) : (struct reply){.status = 500, .is_registry = true};
    case EMPTIED:
        return path ? live_reply(url) : (struct reply){.status = 404, .is_registry = true};
    case DENIES:
        return path ? live_reply(url) : (struct reply){.status = 403, .is_registry = true};
    case LIVES:
        break;
    }
    return live_reply(url);
}

static bool on_begin(void *context, const struct errand *errand)
{
    size_t i = index_of(errand->url);
    enum life life = world.life[i];
    bool silent = life == BLACK_HOLE || (life == LIVES && strstr(errand->url, "/slow/"));

    (void)context;
    if (world.no_rest && errand->body && proof_body_from(errand->body) > 0)
        return false;
    if (world.flights == FLIGHTS)
        return false;
    world.checks += errand->is_check;
    world.probes += !errand->is_check;
    world.flight[world.flights++] =
        (struct flight){errand->job, now.steady_ms + (silent ? MONITOR_CHECK_MS : 20),
                        reply_of(life, errand->url), errand->body};
    return true;
}

static void on_answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    (void)context;
    if (client != CLIENT)
        abort();
    world.answer = *answer;
    world.answers++;
}

static void on_note(void *context, const char *sentence)
{
    (void)context;
    snprintf(world.note, sizeof world.note, "%s", sentence);
}

static void ignore(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

/* With more of a configuration. */
static void begin_with(const char *more)
{
    char text[2000];
    static const struct agenda_hooks hooks = {on_begin, on_answer, on_note, NULL};
    struct cache_writer_options options = {
        .state = &state, .size = 1 << 20, .lifetimes = cache_lifetimes_of(3600, 60), .log = ignore};

    memset(&world, 0, sizeof world);
    state_begin(&state, folder);
    now = (struct instant){1000000, NOW_S};
    snprintf(text, sizeof text, "%s%s", configuration, more);
    config = config_of(text);
    cache = cache_writer_open(&options, NOW_S);
    agenda = agenda_new(&hooks, cache, 42);
    agenda_configure(agenda, config);
}

static void begin_anew(void)
{
    begin_with("");
}

static void end(void)
{
    char path[64];

    state_end(&state);
    agenda_free(agenda);
    cache_writer_close(cache);
    config_free(config);
    snprintf(path, sizeof path, "%s/" CACHE_FILE, folder);
    unlink(path);
}

static const struct target *target(const char *name)
{
    return config_target(config, slice_of(name));
}

static const struct remote *remote(const char *where)
{
    return remotes_find(agenda_remotes(agenda), target(where)->id);
}

static enum health_state state_of(const char *where)
{
    return remote_state(remote(where), &config->probing, now);
}

/* All of the pinned object, or the rest of it. */
static void send_body(struct flight *flight)
{
    uint64_t from = proof_body_from(flight->body);

    flight->reply.status = from > 0 ? 206 : 200;
    proof_body_add(flight->body, flight->reply.status, slice_from(slice_of(world.pinned), from));
}

/* What is due by now comes in. */
static void land(void)
{
    for (size_t i = 0; i < world.flights;) {
        struct flight flight = world.flight[i];
        if (flight.due_ms > now.steady_ms) {
            i++;
            continue;
        }
        world.flight[i] = world.flight[--world.flights];
        if (flight.body && world.pinned)
            send_body(&flight);
        agenda_done(agenda, flight.job, &flight.reply, now);
    }
}

static void step(void)
{
    now.steady_ms += STEP_MS;
    now.wall_s = NOW_S + (now.steady_ms - 1000000) / 1000;
    land();
    agenda_check(agenda, false, now);
}

static void run(int64_t ms)
{
    for (; ms > 0; ms -= STEP_MS)
        step();
}

static void use(const char *where)
{
    struct ask_question note;

    agenda_hear(agenda, CLIENT, &note, ask_write_use(&note, target(where), NULL), now);
}

/* Clients were sent there for the n-th object of a name. */
static void use_for(const char *where, const char *name, unsigned n)
{
    struct ask_question note;
    char digest[80];

    snprintf(digest, sizeof digest, "sha256:%064x", n);
    struct object object = {ENDPOINT_BLOBS, slice_of(name), slice_of(digest)};
    agenda_hear(agenda, CLIENT, &note, ask_write_use(&note, target(where), &object), now);
}

/* Asks some targets for the n-th blob of a name. */
static void ask_targets(const struct target *const *targets, size_t count, const char *name,
                        unsigned n)
{
    struct ask_question question;
    char digest[80];

    snprintf(digest, sizeof digest, "sha256:%064x", n);
    struct object object = {ENDPOINT_BLOBS, slice_of(name), slice_of(digest)};
    size_t len = ask_write(&question, n + 1, &object, targets, count);
    agenda_hear(agenda, CLIENT, &question, len, now);
}

static void ask_for(const char *where, const char *name, unsigned n)
{
    ask_targets((const struct target *[]){target(where)}, 1, name, n);
}

/* Asks, and waits; what it was told. */
static enum holding told(const char *where, const char *name, unsigned n)
{
    unsigned before = world.answers;

    ask_for(where, name, n);
    for (int i = 0; i < 100 && world.answers == before; i++)
        step();
    if (world.answers == before)
        abort();
    return (enum holding)world.answer.holding[0];
}

/* Targets in use, checked, with so many witnesses each. */
static void begin_used(unsigned witnesses)
{
    char name[32];

    begin_anew();
    for (size_t i = 0; i < 4; i++)
        use(names[i]);
    run(1000);
    for (size_t i = 0; i < 4; i++)
        for (unsigned n = 0; n < witnesses; n++) {
            snprintf(name, sizeof name, "real%u/app", n);
            ask_for(names[i], name, n);
            run(200);
        }
    run(1000);
}

static const char *const hostile[] = {"fault/app", "secret/app", "slow/app", "invented/app"};

/* Fifty requests a second for what strangers invent, and so often for what is real. */
static void attack_step(const char *where, unsigned *number)
{
    for (int i = 0; i < 50 * STEP_MS / 1000; i++, ++*number)
        ask_for(where, hostile[*number % 4], 100000 + *number);
    if (*number % 1000 == 0)
        for (size_t i = 0; i < 4; i++)
            use(names[i]);
    step();
}

/* What strangers ask for takes no target out, whatever it leads to. */
static void test_attack(void)
{
    unsigned number = 0, out = 0;

    begin_used(4);
    unsigned checks = world.checks;
    for (int64_t ms = 0; ms < 60000; ms += STEP_MS) {
        attack_step("eu", &number);
        out += state_of("eu") != HEALTH_UP;
    }
    cmp_ok(out, ==, 0, "in a minute of attack the target never leaves");
    cmp_ok(remote("eu")->counters.failed, ==, 0, "no check was bad");
    cmp_ok(world.checks - checks, <=, 2 * 22 + 4 * 6, "checks are no more than one in 3 s");
    cmp_ok(told("eu", "real0/app", 0), ==, HOLDING_PRESENT, "what is known is known");
    ok(world.probes <= 400 + 40 * 61 + 40, "probes are as many as the budget: %u", world.probes);
    end();

    begin_used(4);
    for (number = 0; number < 500; number++) {
        ask_for("eu", "much/app", number);
        if (number % 5 == 0)
            step();
        out += state_of("eu") != HEALTH_UP;
    }
    cmp_ok(out, ==, 0, "nor does a flood that the target answers with 429");
    double rate = budget_rate(&remote("eu")->budget, &config->probing.rate, now.steady_ms);
    ok(rate < 40, "but the target is asked less: %g a second", rate);
    end();
}

static const struct death {
    enum life life;
    bool witnesses_needed, bucket;
} deaths[] = {{REFUSES, false, true}, {BLACK_HOLE, false, true},  {NOT_FOUND, false, false},
              {PAGE, false, true},    {UNAVAILABLE, false, true}, {DEAD_STORE, true, true},
              {DENIES, true, false}};

/* How long until it is down after its death; -1: never. */
static int64_t time_to_fall(const char *where, enum life life, bool attacked, int64_t wait_ms)
{
    unsigned number = 0;

    run(wait_ms);
    world.life[index_of(target(where)->kind == TARGET_BUCKET ? "https://cdn" : "https://eu")] =
        life;
    for (int64_t ms = 0; ms < 120000; ms += STEP_MS) {
        if (attacked)
            attack_step(where, &number);
        else
            step();
        if (ms % 20000 == 0)
            use(where);
        if (state_of(where) == HEALTH_DOWN)
            return ms;
    }
    return -1;
}

static void test_deaths(void)
{
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
        for (int attacked = 0; attacked < 2; attacked++) {
            const struct death *d = &deaths[i];
            int64_t worst = 0;
            for (int64_t wait = 0; wait < INTERVAL_MS; wait += 3700) {
                begin_used(4);
                int64_t took = time_to_fall("eu", d->life, attacked, wait);
                worst = took < 0 || took > worst ? took : worst;
                end();
                if (took < 0)
                    break;
            }
            ok(worst >= 0 && worst <= INTERVAL_MS + 8000, "%s%s: out %lld ms after its death",
               lives[d->life], attacked ? ", attacked" : "", (long long)worst);
        }
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        const struct death *d = &deaths[i];
        if (!d->bucket)
            continue;
        begin_used(d->life == DEAD_STORE || d->life == PAGE ? 4 : 0);
        int64_t took = time_to_fall("cdn", d->life, false, 1000);
        ok(took >= 0 && took <= INTERVAL_MS + 8000, "a bucket, %s: out after %lld ms",
           lives[d->life], (long long)took);
        end();
    }
}

/* What comes back is up again, and asked again. */
static void test_return(void)
{
    begin_used(4);
    time_to_fall("eu", REFUSES, false, 0);
    like(world.note, "The target \"eu\" is down: Could not connect.", "it is said that it is down");
    cmp_ok(told("eu", "real9/app", 9), ==, HOLDING_UNKNOWN, "it is not asked any more");
    cmp_ok(remote("eu")->counters.skipped, ==, 1, "which is counted");
    world.life[0] = LIVES;
    int64_t ms = 0;
    for (; state_of("eu") == HEALTH_DOWN && ms < 60000; ms += STEP_MS)
        step();
    cmp_ok(ms, <, 35000, "it is back after %lld ms", (long long)ms);
    cmp_ok(state_of("eu"), ==, HEALTH_RETURNING, "and returns");
    is(world.note, "The target \"eu\" is up again.", "which is said");
    cmp_ok(told("eu", "real9/app", 9), ==, HOLDING_PRESENT, "it is asked again at once");
    end();
}

/* A bucket has no /v2/: its witnesses bring it back as they took it out. */
static void test_return_of_a_bucket(void)
{
    static const enum life ends[] = {REFUSES, PAGE, UNAVAILABLE};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (unsigned witnesses = 0; witnesses <= 4; witnesses += 2) {
            begin_used(witnesses);
            time_to_fall("cdn", ends[i], false, 0);
            for (int64_t ms = 0; ms < 300000; ms += STEP_MS)
                step();
            world.life[3] = LIVES;
            int64_t ms = 0;
            for (; state_of("cdn") == HEALTH_DOWN && ms < 120000; ms += STEP_MS)
                step();
            cmp_ok(ms, <, 65000, "a bucket with %u witnesses, %s, is back after %lld ms", witnesses,
                   lives[ends[i]], (long long)ms);
            end();
        }
    begin_used(1);
    world.life[3] = REFUSES;
    run(INTERVAL_MS - 500);
    world.life[3] = LIVES;
    for (int i = 0; i < 6; i++) {
        run(20000);
        use("cdn");
    }
    cmp_ok(remote("cdn")->witnesses.list[0].mark, ==, WITNESS_NEITHER,
           "one that has failed once is asked again");
    end();
}

static void test_limits_of_a_quota(void)
{
    begin_used(4);
    world.life[0] = LIMITS;
    for (int64_t ms = 0; ms < 120000; ms += STEP_MS)
        step();
    ok(state_of("eu") == HEALTH_UP, "429 to everything takes nothing down");
    end();
}

static void test_emptied(void)
{
    begin_used(5);
    cmp_ok(told("eu", "real0/app", 0), ==, HOLDING_PRESENT, "something is known");
    world.life[0] = EMPTIED;
    for (int64_t ms = 0; ms < 40000; ms += STEP_MS)
        step();
    ok(state_of("eu") == HEALTH_UP, "a store that has lost everything stays up");
    like(world.note, "has none of the objects", "but people are told");
    cmp_ok(told("eu", "real0/app", 0), ==, HOLDING_ABSENT, "and what was known is asked anew");
    cmp_ok(told("us", "real0/app", 0), ==, HOLDING_PRESENT, "of the others all is known still");
    end();
}

/* Answers of a target that is not known to be good say nothing. */
static void test_distrust(void)
{
    begin_anew();
    world.life[0] = PAGE;
    world.life[1] = NOT_FOUND;
    cmp_ok(told("eu", "app", 1), ==, HOLDING_UNKNOWN, "a page holds nothing");
    cmp_ok(told("us", "app", 1), ==, HOLDING_UNKNOWN, "404 to everything makes nothing absent");
    cmp_ok(told("asia", "real/app", 1), ==, HOLDING_PRESENT,
           "the very first answer waits for the very first check");
    cmp_ok(told("asia", "invented/app", 1), ==, HOLDING_ABSENT, "and the next one is believed");
    end();
}

static void test_unknown_is_remembered(void)
{
    begin_used(0);
    unsigned probes = world.probes;
    for (int i = 0; i < 50; i++)
        told("eu", "fault/app", 1);
    cmp_ok(world.probes - probes, ==, 1, "what could not be found out is not asked each time");
    run(121000);
    use("eu");
    told("eu", "fault/app", 1);
    cmp_ok(world.probes - probes, ==, 2, "but again two minutes later");
    end();
}

/* Asks for an object that cannot be found out; whether that is since the target has trouble. */
static bool has_trouble(const char *name, unsigned n)
{
    if (told("eu", name, n) != HOLDING_UNKNOWN)
        abort();
    return world.answer.in_trouble & 1;
}

/* What an answer says of one that is not known: that the target had trouble, or nothing. */
static void test_trouble(void)
{
    begin_used(0);
    ok(has_trouble("fault/app", 1), "500 is trouble");
    unsigned probes = world.probes;
    ok(has_trouble("fault/app", 1) && world.probes == probes, "and is remembered as that");
    ok(has_trouble("secret/app", 2), "so is 401");
    ok(!has_trouble("slow/app", 3), "silence is not");
    probes = world.probes;
    ok(!has_trouble("slow/app", 3) && world.probes == probes, "and is remembered, too");
    cmp_ok(told("eu", "invented/app", 4), ==, HOLDING_ABSENT, "404 is an answer");
    cmp_ok(world.answer.in_trouble, ==, 0, "without trouble");
    world.life[0] = LIMITS;
    ok(has_trouble("real/app", 5), "429 is trouble");
    probes = world.probes;
    ok(has_trouble("real/app", 6) && world.probes == probes,
       "so is the pause that the target asked for, in which it is not asked");
    end();
    begin_used(0);
    world.life[0] = REFUSES;
    ok(has_trouble("real/app", 7), "a refused connection is trouble");
    cmp_ok(world.answer.mark, ==, ASK_ANSWER_MARK, "each answer has the mark");
    end();
}

static void forget(const char *where, const char *name, unsigned n)
{
    struct ask_question question;
    char digest[80];

    snprintf(digest, sizeof digest, "sha256:%064x", n);
    struct object object = {ENDPOINT_MANIFESTS, slice_of(name), slice_of(digest)};
    size_t len = ask_write_forget(&question, 7, target(where), *name ? &object : NULL);
    unsigned before = world.answers;
    ok(agenda_hear(agenda, CLIENT, &question, len, now), "it is asked to forget");
    ok(world.answers > before && world.answer.id == 7 && world.answer.target_count == 1,
       "it says that it has");
}

static void test_forget(void)
{
    struct ask_question question;

    begin_used(1);
    cmp_ok(told("eu", "real/app", 1), ==, HOLDING_PRESENT, "something is there");
    cmp_ok(told("eu", "real/app", 2), ==, HOLDING_PRESENT, "and another thing");
    world.life[0] = EMPTIED;
    cmp_ok(told("eu", "real/app", 1), ==, HOLDING_PRESENT, "both are believed to be");
    forget("eu", "real/app", 1);
    cmp_ok(told("eu", "real/app", 1), ==, HOLDING_ABSENT, "one is forgotten, and asked for");
    cmp_ok(told("eu", "real/app", 2), ==, HOLDING_PRESENT, "the other is not");
    forget("eu", "", 0);
    cmp_ok(told("eu", "real/app", 2), ==, HOLDING_ABSENT, "all are");

    told("asia", "fault/app", 3);
    unsigned probes = world.probes;
    told("asia", "fault/app", 3);
    cmp_ok(world.probes, ==, probes, "what could not be found out is remembered");
    forget("asia", "fault/app", 3);
    told("asia", "fault/app", 3);
    cmp_ok(world.probes, ==, probes + 1, "and can be forgotten");

    ask_for("asia", "real/app", 4); /* under way */
    forget("asia", "", 0);
    ok(world.answers > 0 && agenda_questions(agenda) == 0, "who waits is answered");
    run(1000);
    probes = world.probes;
    cmp_ok(told("asia", "real/app", 4), ==, HOLDING_PRESENT, "it is asked for again");
    cmp_ok(world.probes, ==, probes + 1, "since what was under way has said nothing");

    size_t len = ask_write_forget(&question, 8, target("eu"), NULL);
    question.target[0]++;
    ok(agenda_hear(agenda, CLIENT, &question, len, now) && world.answer.target_count == 0,
       "a target that is none is told");
    ok(!agenda_hear(agenda, CLIENT, &question, len - 1, now), "a packet cut short is refused");
    question.name_len = 3;
    memcpy(question.text, "A/b", 3);
    ok(!agenda_hear(agenda, CLIENT, &question, len + 3, now), "so is what is no object");
    end();
}

static void test_unaskable(void)
{
    struct ask_question question;
    const struct target *targets[] = {target("eu")};
    struct object object = {ENDPOINT_MANIFESTS, SLICE("app"), SLICE("x:1")};
    unsigned probes = world.probes;

    size_t len = ask_write(&question, 1, &object, targets, 1);
    agenda_hear(agenda, CLIENT, &question, len, now);
    object.digest = SLICE("sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
                          "274edebfe76f65fbd51ad2f14898b95b");
    len = ask_write(&question, 2, &object, targets, 1);
    agenda_hear(agenda, CLIENT, &question, len, now);
    cmp_ok(world.probes, ==, probes, "digests that registries fail at are never asked for");
    cmp_ok(agenda_counters(agenda)->unaskable, ==, 2, "which is counted");
}

/* Rules without "?" ask nothing: what clients were sent for gives witnesses. */
static void test_samples(void)
{
    char name[32];

    begin_anew();
    for (unsigned n = 0; n < 30; n++) {
        snprintf(name, sizeof name, "real%u/app", n);
        use_for("eu", name, n);
        run(20000);
    }
    cmp_ok(remote("eu")->witnesses.count, ==, 4, "so many witnesses, and no more");
    cmp_ok(world.probes, ==, 4, "by as many requests");
    int64_t took = time_to_fall("eu", DEAD_STORE, false, 0);
    ok(took >= 0 && took <= INTERVAL_MS + 8000, "a dead store is out after %lld ms",
       (long long)took);
    end();

    begin_anew();
    for (unsigned n = 0; n < 180; n++) {
        use_for("eu", hostile[n % 4], n);
        run(1000);
    }
    cmp_ok(world.probes, <=, 4, "a flood of inventions leads to one request a minute");
    cmp_ok(remote("eu")->witnesses.count, ==, 0, "and to no witness");
    end();
}

static void test_own_network(void)
{
    unsigned out = 0;

    begin_used(4);
    for (size_t i = 0; i < 3; i++)
        world.life[i] = REFUSES;
    for (int64_t ms = 0; ms < 120000; ms += STEP_MS) {
        step();
        if (ms % 20000 == 0)
            for (size_t i = 0; i < 4; i++)
                use(names[i]);
        for (size_t i = 0; i < 3; i++)
            out += state_of(names[i]) == HEALTH_DOWN;
    }
    cmp_ok(out, ==, 0, "three of four without a connection: this machine's network is in doubt");
    like(world.note, "network is in doubt", "which is said");
    ok(agenda_remotes(agenda)->network_doubt_s > 0, "and known");
    world.life[0] = world.life[1] = LIVES;
    run(INTERVAL_MS + 8000);
    ok(agenda_remotes(agenda)->network_doubt_s == 0, "it ends when half of them answer");
    use("asia");
    run(8000);
    cmp_ok(state_of("asia"), ==, HEALTH_DOWN, "what is dead then is down");
    end();

    begin_used(4);
    world.life[0] = world.life[1] = BLACK_HOLE;
    for (int64_t ms = 0; ms < 60000; ms += STEP_MS)
        step();
    ok(state_of("eu") == HEALTH_DOWN && state_of("us") == HEALTH_DOWN,
       "two of four are no reason for doubt");
    end();
}

static void test_sleep(void)
{
    unsigned out = 0, late = 0;

    begin_used(4);
    for (int round = 0; round < 30; round++) {
        ask_for("eu", "real7/app", (unsigned)round + 1000);
        step();
        /* Stopped for 6 s, in which every time limit passes: all that is under way fails. */
        now.steady_ms += 6000;
        now.wall_s += 6;
        for (size_t i = 0; i < world.flights; i++)
            world.flight[i].reply = (struct reply){
                .failure = FAILURE_SILENCE, .words = "Timeout was reached", .took_ms = 6000};
        agenda_wake(agenda, now);
        for (size_t i = 0; i < 4; i++)
            late += remote(names[i])->monitor.next_ms > now.steady_ms;
        land();
        agenda_check(agenda, false, now);
        for (size_t i = 0; i < 4; i++)
            out += state_of(names[i]) == HEALTH_DOWN;
    }
    cmp_ok(late, ==, 0, "who wakes up checks all at once");
    cmp_ok(out, ==, 0, "a process that was stopped again and again takes nothing down");
    ok(remote("eu")->monitor.head_ms < 100, "and measures nothing: %g ms",
       remote("eu")->monitor.head_ms);
    cmp_ok(remote("eu")->counters.failed, ==, 0, "nothing of it is counted");
    run(1000);
    cmp_ok(state_of("eu"), ==, HEALTH_UP, "awake, it knows at once how they are");
    end();
}

/* 400 slow probes do not hold up checks: those are separate requests. */
static void test_slow_probes(void)
{
    begin_used(4);
    for (unsigned n = 0; n < 400; n++)
        ask_for("eu", "slow/app", 5000 + n);
    run(120000);
    ok(state_of("eu") == HEALTH_UP || state_of("eu") == HEALTH_NOT_CHECKED, "it is not down");
    cmp_ok(remote("eu")->counters.failed, ==, 0, "no check failed");
    end();
}

static void test_stand_ins(void)
{
    begin_anew();
    use("eu");
    run(2000);
    cmp_ok(remote("us")->counters.checks, ==, 0, "what nobody uses is not checked");
    cmp_ok(state_of("us"), ==, HEALTH_NOT_CHECKED, "and shown so");
    world.life[0] = REFUSES;
    run(40000);
    cmp_ok(state_of("eu"), ==, HEALTH_DOWN, "one is down");
    cmp_ok(state_of("us"), ==, HEALTH_UP, "those that may stand in for it are checked");
    end();
}

/* Asks the bucket, and a registry behind it in the rule. */
static void ask_both(const char *name, unsigned n)
{
    ask_targets((const struct target *[]){target("cdn"), target("eu")}, 2, name, n);
}

/* The time until the answer, which is compared. */
static int64_t both_told(const char *name, unsigned n, enum holding bucket, enum holding registry)
{
    unsigned before = world.answers;
    int64_t begun_ms = now.steady_ms;

    ask_both(name, n);
    while (world.answers == before && now.steady_ms - begun_ms < 10000)
        step();
    cmp_ok(world.answer.holding[0], ==, bucket, "%s %u: what the bucket says", name, n);
    cmp_ok(world.answer.holding[1], ==, registry, "  and the registry");
    return now.steady_ms - begun_ms;
}

/* Most blobs are in the bucket: the registry is asked only for what is not. */
static void test_bucket_first(void)
{
    begin_used(0);
    told("cdn", "real/app", 2); /* its time is measured */
    unsigned probes = world.probes;
    both_told("real/app", 1, HOLDING_PRESENT, HOLDING_UNKNOWN);
    cmp_ok(world.probes, ==, probes + 1, "a registry is not asked for what the bucket has");
    both_told("real/app", 1000, HOLDING_ABSENT, HOLDING_PRESENT);
    cmp_ok(world.probes, ==, probes + 3, "but for what it has not");
    ask_both("real/app", 1001);
    ask_both("real/app", 1001);
    unsigned answers = world.answers;
    run(300);
    cmp_ok(world.answers, ==, answers + 2, "two who ask for the same are both told");
    cmp_ok(world.probes, ==, probes + 5, "  by the same requests");
    ask_both("real/app", 1004);
    ask_for("eu", "real/app", 1004);
    answers = world.answers;
    run(300);
    cmp_ok(world.answers, ==, answers + 2, "who asks the registry alone is told");
    cmp_ok(world.probes, ==, probes + 7, "  and the registry is not asked again");
    run(20 * 60 * 1000); /* nobody uses them: they are not checked */
    answers = world.answers;
    probes = world.probes;
    ask_both("real/app", 1005);
    cmp_ok(world.probes, ==, probes + 2, "a bucket that has not been checked is not waited for");
    run(5000);
    probes = world.probes;
    world.life[3] = LIMITS;
    both_told("real/app", 1002, HOLDING_UNKNOWN, HOLDING_PRESENT);
    ok(world.answer.in_trouble & 1, "a bucket in trouble is passed over, which is said");
    world.life[3] = BLACK_HOLE;
    run(60000);
    both_told("real/app", 1003, HOLDING_UNKNOWN, HOLDING_PRESENT);
    end();

    begin_anew();
    ask_both("real/app", 1000);
    cmp_ok(world.probes, ==, 2, "a bucket whose time is not known is not waited for");
    end();
}

/* Health goes by the clock that is never set. */
static void test_clock_set_back(void)
{
    begin_used(1);
    cmp_ok(told("eu", "real0/app", 0), ==, HOLDING_PRESENT, "what was found is known");
    now.wall_s -= 86400;
    unsigned probes = world.probes;
    const int64_t kept = now.wall_s;
    ask_for("eu", "real0/app", 0);
    cmp_ok(world.probes, ==, probes + 1, "with the clock set back it is looked for again");
    for (int i = 0; i < 400; i++) {
        now.steady_ms += STEP_MS;
        now.wall_s = kept - i * 1000;
        land();
        agenda_check(agenda, false, now);
    }
    ok(state_of("eu") == HEALTH_UP, "health is not touched");
    end();
}

static void test_counted(void)
{
    begin_used(1);
    const struct agenda_counters *count = agenda_counters(agenda);
    struct agenda_counters before = *count;

    cmp_ok(told("eu", "real/app", 1), ==, HOLDING_PRESENT, "an object is there");
    ok(count->present == before.present + 1 && count->absent == before.absent &&
           count->unknown == before.unknown,
       "which is counted as that");
    cmp_ok(told("eu", "invented/app", 2), ==, HOLDING_ABSENT, "one is not");
    ok(count->present == before.present + 1 && count->absent == before.absent + 1 &&
           count->unknown == before.unknown,
       "which is, too");
    end();
}

/* How long a target takes is known by what it answers. */
static void test_time(void)
{
    begin_anew();
    world.life[0] = REFUSES;
    use("eu");
    use("us");
    run(4000);
    cmp_ok((long)remote("us")->monitor.head_ms, ==, 20, "an answer has its time");
    ok(!(remote("eu")->monitor.head_ms > 0), "a connection that is refused has none");
    end();
}

/* Every target has to serve an object that is pinned. */
static void test_pinned(void)
{
    static const char pin[] = "check_object_interval = 60; check_object = \"real/app/blobs/sha256:"
                              "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73\";";
    const struct agenda_counters *count;
    int64_t ms = 0;

    if (!proof_body_possible(SLICE("sha256:"))) {
        skip(9, "built without libcurl, jansson or libcrypto");
        return;
    }
    begin_with(pin);
    count = agenda_counters(agenda);
    world.pinned = "content"; /* of which that is the digest */
    for (size_t i = 0; i < 4; i++)
        use(names[i]);
    run(4000);
    cmp_ok(count->proofs, ==, 4, "the pinned object is fetched from each target");
    ok(remote("eu")->proof.state == PROOF_GOOD && remote("eu")->proof.good == 1,
       "whole, and from its middle on: that is one proof");
    cmp_ok(state_of("eu"), ==, HEALTH_UP, "the target is up");
    world.pinned = "Content";
    for (; ms < 60000 && state_of("eu") != HEALTH_DOWN; ms += STEP_MS) {
        use("eu");
        step();
    }
    ok(ms > 40000 && ms < 60000, "another content is found out after %lld ms", (long long)ms);
    like(remote_failure(remote("eu")), "check_object: damaged, 7 bytes", "and said to be one");
    ok(count->proofs > 4, "each fetch is counted");
    end();

    begin_with(pin);
    world.pinned = "content";
    world.no_rest = true;
    use("eu");
    run(4000);
    ok(!remote("eu")->proof.body && remote("eu")->proof.good == 0,
       "if the rest cannot be asked for, nothing is proven");
    world.no_rest = false;
    run(4000);
    cmp_ok(remote("eu")->proof.good, ==, 1, "until it is asked for anew");
    end();

    begin_with(pin);
    world.pinned = "content";
    use("eu");
    step();
    ok(remote("eu")->proof.body != NULL, "the end may come while it is fetched");
    end();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_attack();
    test_deaths();
    test_return();
    test_return_of_a_bucket();
    test_limits_of_a_quota();
    test_emptied();
    test_distrust();
    test_unknown_is_remembered();
    test_trouble();
    test_forget();
    begin_anew();
    test_unaskable();
    end();
    test_samples();
    test_own_network();
    test_sleep();
    test_slow_probes();
    test_stand_ins();
    test_bucket_first();
    test_clock_set_back();
    test_counted();
    test_time();
    test_pinned();
    cmp_ok(rmdir(folder), ==, 0, "nothing is left behind");
    return done_testing();
}
