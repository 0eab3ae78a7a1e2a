/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's business, with upstreams that fail in every way and a clock that the test
 * sets: what is asked for, what the one who asked is told, and what is known afterwards.
 */
#include "prober/agenda.h"
#include <stdlib.h>
#include <unistd.h>
#include "asking.h"
#include "tap.h"

enum { NOW_S = 1700000000, JOBS = 256, CLIENT = 7 };

static const char configuration[] =
    "name = \"registry.example.org\";\n"
    "upstreams = { eu = { url = \"https://eu.example.org\"; };\n"
    "              us = { url = \"https://us.example.org\"; }; };\n"
    "canonical = [ \"us\" ];\n"
    "buckets = ( { name = \"cdn\"; serves = [ \"*\" ]; url = \"https://cdn.example.org/{digest}\"; "
    "} );\n"
    "health_interval = 30; health_fall = 3; health_rise = 2; present_lifetime = 3600;\n"
    "absent_lifetime = 60; probe_rate = 1000; probe_burst = 100;\n"
    "probe_rate_unknown = 1; probe_burst_unknown = 20;\n";

static char folder[] = "/tmp/signpost-agenda-XXXXXX";

/* What the agenda has asked others to do. */
static struct {
    struct job *job[JOBS];
    bool is_check[JOBS];
    size_t jobs;
    struct ask_answer answer;
    unsigned answers, checks;
    char note[256];
} seen;

static bool on_begin(void *context, const struct errand *errand)
{
    (void)context;
    if (seen.jobs == JOBS)
        return false;
    seen.checks += errand->is_check;
    seen.is_check[seen.jobs] = errand->is_check;
    seen.job[seen.jobs++] = errand->job;
    return true;
}

static void on_answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    (void)context;
    cmp_ok(client, ==, CLIENT, "an answer for the client");
    seen.answer = *answer;
    seen.answers++;
}

static void on_note(void *context, const char *sentence)
{
    (void)context;
    snprintf(seen.note, sizeof seen.note, "%s", sentence);
}

static void ignore(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

static struct config *config;
static struct state state;
static struct cache_writer *cache;
static struct agenda *agenda;
static struct instant now;

static void begin_anew(void)
{
    static const struct agenda_hooks hooks = {on_begin, on_answer, on_note, NULL};
    struct cache_writer_options options = {
        .state = &state, .map_size = 1 << 20, .unsynced = true, .log = ignore};

    memset(&seen, 0, sizeof seen);
    state_begin(&state, folder);
    now = (struct instant){1000000, NOW_S};
    config = config_of(configuration);
    cache = cache_writer_open(&options, NOW_S);
    agenda = agenda_new(&hooks, cache, 42);
    agenda_configure(agenda, config);
}

static void end(void)
{
    char path[64];

    state_end(&state);
    agenda_free(agenda);
    cache_writer_close(cache, now.wall_s);
    config_free(config);
    snprintf(path, sizeof path, "%s/" CACHE_FILE, folder);
    unlink(path);
}

/* Time goes on, by both clocks. */
static void go_on(int64_t ms)
{
    now.steady_ms += ms;
    now.wall_s = NOW_S + (now.steady_ms - 1000000) / 1000;
}

static const struct target *target(const char *name)
{
    return config_target(config, slice_of(name));
}

/* Asks one target for the n-th blob of a name. */
static void ask_for(const char *where, const char *name, unsigned n)
{
    const struct target *targets[] = {target(where)};
    struct ask_question question;
    char digest[80];

    snprintf(digest, sizeof digest, "sha256:%064x", n);
    struct object object = {ENDPOINT_BLOBS, slice_of(name), slice_of(digest)};
    size_t len = ask_write(&question, n, &object, targets, 1);
    agenda_hear(agenda, CLIENT, &question, len, now);
}

static void use(const char *where)
{
    const struct target *targets[] = {target(where)};
    struct ask_question note;
    size_t len = ask_write_use(&note, targets, 1);

    agenda_hear(agenda, CLIENT, &note, len, now);
}

/* The oldest request ends so. */
static void end_job(const struct probe_result *result)
{
    struct job *job = seen.job[0];

    memmove(seen.job, seen.job + 1, --seen.jobs * sizeof *seen.job);
    memmove(seen.is_check, seen.is_check + 1, seen.jobs * sizeof *seen.is_check);
    agenda_done(agenda, job, result, now);
}

static void end_with(int status)
{
    end_job(&(struct probe_result){.status = status, .took_ms = 20});
}

static const struct remote *remote(const char *where)
{
    return remotes_find(agenda_remotes(agenda), target(where)->id);
}

/* What the last question was told of its only target; -1 if it waits. */
static int told(unsigned answers_before)
{
    return seen.answers > answers_before ? seen.answer.holding[0] : -1;
}

static const struct {
    const char *what;
    struct probe_result result;
    enum holding holding;
    bool counts; /* against the target's health */
} faults[] = {
    {"refused", {.failure = "Could not connect"}, HOLDING_UNKNOWN, true},
    {"no answer in time", {.failure = "Timeout was reached"}, HOLDING_UNKNOWN, true},
    {"no such name", {.failure = "Could not resolve"}, HOLDING_UNKNOWN, true},
    {"a wrong certificate", {.failure = "SSL"}, HOLDING_UNKNOWN, true},
    {"401", {.status = 401}, HOLDING_UNKNOWN, true},
    {"429", {.status = 429}, HOLDING_UNKNOWN, true},
    {"500", {.status = 500}, HOLDING_UNKNOWN, true},
    {"503", {.status = 503}, HOLDING_UNKNOWN, true},
    {"a redirect to a stranger", {.status = 307, .led_away = true}, HOLDING_UNKNOWN, false},
    {"another object", {.status = 200, .other_object = true}, HOLDING_UNKNOWN, false},
    {"204", {.status = 204}, HOLDING_UNKNOWN, false},
    {"400", {.status = 400}, HOLDING_UNKNOWN, false},
};

static void test_faults(void)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *what = faults[i].what;
        begin_anew();
        for (unsigned n = 0; n < 3; n++) {
            unsigned before = seen.answers;
            ask_for("eu", "team/app", n);
            cmp_ok(told(before), ==, -1, "%s: the question waits for the request", what);
            end_job(&faults[i].result);
            cmp_ok(told(before), ==, (int)faults[i].holding, "… and is told that it is not known");
        }
        cmp_ok(remote("eu")->pulse.down, ==, faults[i].counts, "after three of them: %s",
               faults[i].counts ? "down" : "up");
        cmp_ok(remote("eu")->counters.failed, ==, faults[i].counts ? 3 : 0, "as is counted");
        is(seen.note[0] ? "told" : "", faults[i].counts ? "told" : "", "and told");
        unsigned before = seen.answers;
        ask_for("eu", "team/app", 0);
        cmp_ok(seen.jobs, ==, faults[i].counts ? 0 : 1, "nothing of it was kept");
        cmp_ok(told(before), ==, faults[i].counts ? HOLDING_UNKNOWN : -1,
               faults[i].counts ? "and nobody waits for who is down" : "so it is asked again");
        end();
    }
}

static void take_down(const char *where)
{
    for (unsigned n = 0; n < 3; n++) {
        ask_for(where, "team/app", 1000 + n);
        end_with(500);
    }
}

/* A target that is down is tried now and then, by a request that nobody waits for. */
static void test_breaker(void)
{
    unsigned waited = 0, tried = 0;

    begin_anew();
    take_down("cdn");
    for (unsigned n = 0; n < 2000; n++) {
        unsigned before = seen.answers;
        go_on(50);
        ask_for("cdn", "team/app", n);
        waited += told(before) == -1;
        tried += seen.jobs > 0;
        while (seen.jobs)
            end_job(&(struct probe_result){.failure = "Timeout was reached"});
    }
    cmp_ok(waited, ==, 0, "of 2,000 requests in 100 s none waits for a bucket that is down");
    cmp_ok(tried, >=, 4, "it is tried now and then");
    cmp_ok(tried, <=, 9, "but %u times only", tried);
    cmp_ok(remote("cdn")->counters.skipped + tried, ==, 2000, "the rest is counted as skipped");

    unsigned n = 0;
    for (; remote("cdn")->pulse.down && n < 4000; n++) {
        go_on(50);
        ask_for("cdn", "team/app", 5000 + n);
        while (seen.jobs)
            end_with(200);
    }
    cmp_ok(n * 50, <, 40000, "when it is back that is found within an interval and a bit");
    is(seen.note, "The target \"cdn\" is up again.", "and told");
    unsigned before = seen.answers;
    ask_for("cdn", "team/app", 9999);
    cmp_ok(told(before), ==, -1, "then requests wait for its answers again");
    end_with(200);
    end();
}

static void test_others(void)
{
    begin_anew();
    take_down("cdn");
    unsigned before = seen.answers;
    ask_for("eu", "team/app", 1);
    cmp_ok(seen.jobs, ==, 1, "another target is asked meanwhile");
    end_with(200);
    cmp_ok(told(before), ==, HOLDING_PRESENT, "and answers");
    ok(!remote("eu")->pulse.down, "it is up");
    end();
}

/* Runs the clock for so many seconds with an answer to each check; returns how many there were. */
static unsigned checks_within(int64_t seconds, int status)
{
    unsigned before = seen.checks;

    for (int64_t ms = 0; ms < seconds * 1000; ms += 200) {
        go_on(200);
        agenda_check(agenda, now);
        while (seen.jobs)
            end_with(status);
    }
    return seen.checks - before;
}

static void test_checks(void)
{
    begin_anew();
    cmp_ok(checks_within(3600, 200), ==, 0, "what nobody uses is not checked in an hour");
    use("eu");
    unsigned checks = checks_within(120, 200);
    cmp_ok(checks, >=, 4, "what is used is checked");
    cmp_ok(checks, <=, 6, "each half minute");
    cmp_ok(remote("us")->counters.checks, ==, 0, "nothing else is");
    use("eu");
    checks_within(40, 503);
    ok(remote("eu")->pulse.down, "bad answers take it down");
    use("eu");
    checks_within(40, 401);
    ok(!remote("eu")->pulse.down, "401 brings it up");
    end();
}

/* What the wall clock says is believed neither of the past nor of the future. */
static void test_clock_set_back(void)
{
    begin_anew();
    ask_for("eu", "team/app", 1);
    end_with(200);
    unsigned before = seen.answers;
    ask_for("eu", "team/app", 1);
    cmp_ok(told(before), ==, HOLDING_PRESENT, "what was found is known");
    now.wall_s -= 86400;
    before = seen.answers;
    ask_for("eu", "team/app", 1);
    cmp_ok(told(before), ==, -1, "with the clock set back it is looked for again");
    end_with(404);
    cmp_ok(told(before), ==, HOLDING_ABSENT, "and told as it is");
    take_down("us");
    ok(remote("us")->pulse.down, "health goes by the clock that is never set");
    for (int i = 0; i < 100 && remote("us")->pulse.down; i++) {
        go_on(1000);
        now.wall_s -= 86400 * i;
        agenda_check(agenda, now);
        while (seen.jobs)
            end_with(200);
    }
    ok(!remote("us")->pulse.down, "and so does the way back");
    end();
}

/* Clients that go, requests that cannot be made, and too many of them. */
static void test_limits(void)
{
    begin_anew();
    ask_for("eu", "team/app", 1);
    ask_for("eu", "team/app", 1);
    cmp_ok(seen.jobs, ==, 1, "two ask, one request is made");
    agenda_forget_client(agenda, CLIENT);
    cmp_ok(agenda_questions(agenda), ==, 0, "they go");
    unsigned before = seen.answers;
    end_with(200);
    cmp_ok(seen.answers, ==, before, "nobody is told");
    ask_for("eu", "team/app", 1);
    cmp_ok(told(before), ==, HOLDING_PRESENT, "but it is known from then on");

    before = seen.answers;
    for (unsigned n = 0; n < 100; n++)
        ask_for("us", "flood/app", 100 + n);
    cmp_ok(seen.jobs, ==, 20, "a flood of one name's digests is probed as far as its budget goes");
    cmp_ok(seen.answers - before, ==, 80, "and the rest answered at once");
    cmp_ok(remote("us")->counters.refused, ==, 80, "as is counted");
    ask_for("us", "team/app", 1);
    cmp_ok(seen.jobs, ==, 21, "a name that has answered before has a budget of its own");
    while (seen.jobs)
        end_with(404);
    cmp_ok(agenda_jobs(agenda), ==, 0, "nothing is left under way");
    end();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_faults();
    test_breaker();
    test_others();
    test_checks();
    test_clock_set_back();
    test_limits();
    cmp_ok(rmdir(folder), ==, 0, "nothing is left behind");
    return done_testing();
}
