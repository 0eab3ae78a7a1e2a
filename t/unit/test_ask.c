/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, probes and answers, with requests and a clock that the test makes. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include "config/configuration.h"
#include "prober/agenda.h"
#include "tap.h"

enum { ERRANDS_MAX = 5000, ANSWERS_MAX = 40000 };

static struct errand errands[ERRANDS_MAX];
static char urls[ERRANDS_MAX][200];
static size_t errand_count;
static bool begin_fails;

static struct {
    uint64_t client;
    struct ask_answer answer;
} answers[ANSWERS_MAX];
static size_t answer_count;
static char noted[256];

/* Checks under way, which are answered well as soon as they can be. */
static struct job *checks[ERRANDS_MAX];
static char check_urls[8][200];
static bool is_get[ERRANDS_MAX];
static size_t check_count;
static unsigned checks_seen;

static bool begin(void *context, const struct errand *errand)
{
    (void)context;
    if (errand->is_check) {
        is_get[check_count] = errand->how == ERRAND_GET;
        snprintf(check_urls[checks_seen++ % 8], sizeof check_urls[0], "%s", errand->url);
        checks[check_count++] = errand->job;
        return true;
    }
    if (begin_fails || errand_count == ERRANDS_MAX)
        return false;
    snprintf(urls[errand_count], sizeof urls[0], "%s", errand->url);
    errands[errand_count++] = *errand;
    return true;
}

static void take_answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    (void)context;
    if (answer_count == ANSWERS_MAX)
        abort();
    answers[answer_count].client = client;
    answers[answer_count++].answer = *answer;
}

static void note(void *context, const char *sentence)
{
    (void)context;
    snprintf(noted, sizeof noted, "%s", sentence);
}

static void hear(void *context, const char *text)
{
    (void)context, (void)text;
}

static struct config *config;
static struct cache_writer *cache;
static struct agenda *agenda;
static struct instant now = {1000000, 1700000000};

static const char text[] =
    "name = \"registry.example.org\"; prefix = \"team\"; canonical = [ \"us\" ];\n"
    "upstreams = { eu = { url = \"https://eu.example.org\"; };\n"
    "              us = { url = \"https://us.example.org/mirror/\"; prefix = \"\"; }; };\n"
    "buckets = ( { name = \"cdn\"; serves = [ \"*\" ]; url = "
    "\"https://cdn.example.org/b/{digest}\"; } );\n"
    "redirect_hosts = [ \"Storage.example.org\", \"*.blobs.example.org\", \"odd.example.org:8443\" "
    "];\n"
    "probe_rate = 10; probe_burst = 20;\n"
    "present_lifetime = 1000; absent_lifetime = 60;\n";

static const char short_text[] =
    "name = \"registry.example.org\"; canonical = [ \"eu\" ]; prefix = \"team\";\n"
    "upstreams = { eu = { url = \"https://eu.example.org\"; }; }; health_fall = 1;\n";

static struct config *parse(const char *what)
{
    struct problems problems = {0};
    struct config *parsed = config_parse(what, &problems);

    if (!parsed)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    return parsed ? parsed : (exit(1), NULL);
}

static void start(void)
{
    static const struct state nowhere = {.name = "/nonexistent", .fd = -1};
    struct cache_writer_options options = {
        .state = &nowhere, .size = 1 << 20, .lifetimes = cache_lifetimes_of(1000, 60), .log = hear};
    struct agenda_hooks hooks = {begin, take_answer, note, NULL};

    config = parse(text);
    cache = cache_writer_open(&options, now.wall_s); /* in memory only */
    agenda = agenda_new(&hooks, cache, 7);
    agenda_configure(agenda, config);
    errand_count = answer_count = check_count = checks_seen = 0;
    begin_fails = false;
    noted[0] = '\0';
}

static void stop(void)
{
    agenda_free(agenda);
    cache_writer_close(cache);
    config_free(config);
}

/* A digest with a number. */
static struct slice digest(unsigned n)
{
    static char digits[8][80];
    static int next;
    char *at = digits[next++ % 8];

    snprintf(at, sizeof digits[0], "sha256:%064x", n);
    return slice_of(at);
}

static void answer_checks(void)
{
    struct reply reply = {.status = 200, .is_registry = true, .took_ms = 5};

    while (check_count > 0)
        agenda_done(agenda, checks[--check_count], &reply, now);
}

/* Asks for targets by name, "eu cdn". */
static bool ask(uint64_t client, uint32_t id, const char *names, const char *name, struct slice of)
{
    const struct target *targets[ASK_TARGETS_MAX];
    struct object object = {ENDPOINT_BLOBS, slice_of(name), of};
    struct ask_question question;
    size_t count = 0;

    for (; *names; names += *names == ' ') {
        size_t len = strcspn(names, " ");
        targets[count++] = config_target(config, (struct slice){names, len});
        names += len;
    }
    size_t len = ask_write(&question, id, &object, targets, count);
    bool heard = agenda_hear(agenda, client, &question, len, now);
    answer_checks();
    return heard;
}

static void done(size_t errand, int status)
{
    struct reply reply = {.status = status, .took_ms = 5};

    agenda_done(agenda, errands[errand].job, &reply, now);
}

/* The last answer in letters: P, A or ? for each target; "" if there is none to this question. */
static const char *answered(uint64_t client, uint32_t id)
{
    static char letters[ASK_TARGETS_MAX + 1];

    letters[0] = '\0';
    for (size_t i = 0; i < answer_count; i++) {
        const struct ask_answer *answer = &answers[i].answer;
        if (answers[i].client != client || answer->id != id)
            continue;
        for (size_t t = 0; t < answer->target_count; t++)
            letters[t] = "?PA"[answer->holding[t]];
        letters[answer->target_count] = '\0';
    }
    return letters;
}

static void test_packets(void)
{
    struct ask_question question;
    struct object object = {ENDPOINT_MANIFESTS, SLICE("team/app"), digest(1)}, read;
    const struct target *targets[] = {&config->targets[0], &config->targets[1]};
    size_t len = ask_write(&question, 77, &object, targets, 2);

    ok(ask_read(&question, len, &read), "a question is read");
    ok(slice_equal(read.name, object.name) && slice_equal(read.digest, object.digest) &&
           read.endpoint == ENDPOINT_MANIFESTS,
       "as it was written");
    ok(!ask_is_use(&question, len), "it is no note");
    for (size_t cut = 0; cut < len; cut++)
        if (ask_read(&question, cut, &read))
            fail("cut to %zu bytes it is not read", cut);
    ok(!ask_read(&question, len + 1, &read), "nor with a byte more");
    question.version++;
    ok(!ask_read(&question, len, &read), "nor of another version");
    question.version--;
    question.target_count = ASK_TARGETS_MAX + 1;
    ok(!ask_read(&question, len, &read), "nor with too many targets");
    question.target_count = 0;
    ok(!ask_read(&question, len, &read), "nor with none");
    question.target_count = 1;
    question.name_len = UINT16_MAX;
    ok(!ask_read(&question, len, &read), "nor with a name of any length");
    len = ask_write_use(&question, targets[1], NULL);
    ok(ask_is_use(&question, len), "a note is one");
    ok(!ask_read(&question, len, &read), "and no question");
    ok(!ask_is_use(&question, len - 1) && !ask_is_use(&question, len + 1), "of one length");
    len = ask_write_use(&question, targets[1], &object);
    ok(ask_read(&question, len, &read) && question.id == ASK_NO_ID &&
           slice_equal(read.name, object.name),
       "a note with an object is a question without a number");
}

static void test_one(void)
{
    ok(ask(1, 10, "eu", "app", digest(1)), "a question");
    cmp_ok(errand_count, ==, 1, "begins a probe");
    is(urls[0],
       "https://eu.example.org/v2/team/app/blobs/"
       "sha256:0000000000000000000000000000000000000000000000000000000000000001",
       "of the object, below the prefix");
    is(answered(1, 10), "", "and waits");
    for (uint32_t i = 0; i < 1000; i++)
        ask(i % 10, 100 + i, "eu", "app", digest(1));
    cmp_ok(errand_count, ==, 1, "a thousand more begin none");
    done(0, 200);
    is(answered(1, 10), "P", "the answer");
    cmp_ok(answer_count, ==, 1001, "and a thousand more");
    cmp_ok(agenda_jobs(agenda) + agenda_questions(agenda), ==, 0, "nothing is under way");
    ask(1, 11, "eu", "app", digest(1));
    is(answered(1, 11), "P", "then it is known");
    ask(1, 12, "eu", "other", digest(1));
    cmp_ok(errand_count, ==, 2, "another repository is asked for");
    done(1, 404);
    is(answered(1, 12), "A", "it is absent there");
    now.wall_s += 61;
    ask(1, 13, "eu", "other", digest(1));
    cmp_ok(errand_count, ==, 3, "what was absent is soon asked for again");
    done(2, 503);
    is(answered(1, 13), "?", "not known");
    ask(1, 14, "eu", "other", digest(1));
    cmp_ok(errand_count, ==, 3, "which holds for a while");
    is(answered(1, 14), "?", "… for the next one");
    now.steady_ms += 121000;
    ask(1, 16, "eu", "other", digest(1));
    cmp_ok(errand_count, ==, 4, "then it is asked for again");
    done(3, 200);
    now.wall_s += 1001;
    ask(1, 15, "eu", "other", digest(1));
    cmp_ok(errand_count, ==, 5, "what was present, much later");
}

static void test_several(void)
{
    ask(1, 1, "cdn eu us", "app", digest(1));
    cmp_ok(errand_count, ==, 3, "all are asked at once");
    is(urls[0],
       "https://cdn.example.org/b/"
       "sha256:0000000000000000000000000000000000000000000000000000000000000001",
       "a bucket by its template");
    is(urls[2],
       "https://us.example.org/mirror/v2/app/blobs/"
       "sha256:0000000000000000000000000000000000000000000000000000000000000001",
       "an upstream below a path");
    done(1, 200);
    is(answered(1, 1), "", "the second has it: the first is waited for");
    done(0, 404);
    is(answered(1, 1), "AP?", "but not the third");
    cmp_ok(agenda_jobs(agenda), ==, 1, "whose probe runs on");
    done(2, 200);
    ask(1, 2, "us", "app", digest(1));
    is(answered(1, 2), "P", "and is remembered");
    ask(1, 3, "cdn eu us", "app", digest(1));
    is(answered(1, 3), "AP?", "known: answered at once");
    cmp_ok(errand_count, ==, 3, "with no probe");

    ask(1, 4, "eu cdn", "app", digest(1));
    is(answered(1, 4), "P?", "a known first one makes the rest moot");
    ask(1, 5, "eu eu eu", "app", digest(5));
    cmp_ok(errand_count, ==, 4, "one target thrice is asked once");
    done(3, 404);
    is(answered(1, 5), "AAA", "and answers thrice");

    ask(1, 6, "cdn", "quite/another", digest(5));
    ask(2, 7, "cdn", "and/another", digest(5));
    cmp_ok(errand_count, ==, 5, "a bucket is asked once whatever the name");
    done(4, 403);
    is(answered(2, 7), "A", "403 means absent there");
}

static void test_gone(void)
{
    ask(1, 1, "eu us", "app", digest(1));
    ask(2, 1, "eu", "app", digest(1));
    agenda_forget_client(agenda, 1);
    cmp_ok(agenda_questions(agenda), ==, 1, "a client that goes takes its questions along");
    done(1, 200);
    done(0, 200);
    is(answered(1, 1), "", "it gets no answer");
    is(answered(2, 1), "P", "others do");
    ask(3, 2, "us", "app", digest(1));
    is(answered(3, 2), "P", "what was found for it is kept");

    begin_fails = true;
    ask(1, 3, "eu us", "app", digest(9));
    is(answered(1, 3), "??", "where no request can be made, nothing is known");
    cmp_ok(agenda_jobs(agenda), ==, 0, "and nothing is left over");
}

static size_t flood(uint32_t id, const char *name, unsigned from, unsigned count)
{
    size_t before = errand_count;

    for (unsigned i = 0; i < count; i++)
        ask(1, id + i, "eu us", name, digest(from + i));
    return errand_count - before;
}

static void test_budgets(void)
{
    ask(1, 1, "eu", "real", digest(1));
    done(0, 200);
    cmp_ok(flood(100, "invented", 1000, 10000), ==, 19 + 20,
           "a flood is probed as far as the budget of each target goes");
    cmp_ok(agenda_counters(agenda)->refused, ==, 20000 - 39, "the rest is counted");
    is(answered(1, 9000), "??", "… and answered at once");
    now.steady_ms += 1000;
    cmp_ok(flood(30000, "invented2", 30000, 100), ==, 20, "a second later, ten more for each");
    for (size_t i = 1; i < errand_count; i++)
        done(i, 404);
    cmp_ok(agenda_questions(agenda), ==, 0, "all are answered");
}

/* A target that does not answer HEAD is asked by GET, from then on at once. */
static void test_method(void)
{
    ask(1, 1, "eu", "app", digest(1));
    cmp_ok(errands[0].how, ==, ERRAND_HEAD, "HEAD");
    done(0, 405);
    cmp_ok(errand_count, ==, 2, "405: once more");
    cmp_ok(errands[1].how, ==, ERRAND_FIRST_BYTE, "by GET");
    done(1, 206);
    is(answered(1, 1), "P", "which is answered");
    ask(1, 2, "eu", "app", digest(2));
    cmp_ok(errands[2].how, ==, ERRAND_FIRST_BYTE, "and remembered");
    done(2, 404);
    is(answered(1, 2), "A", "for the target");
    ask(1, 3, "us", "app", digest(2));
    done(3, 405);
    done(4, 405);
    is(answered(1, 3), "?", "where GET fails, too, nothing is known");
    ask(1, 4, "us", "app", digest(3));
    cmp_ok(errands[5].how, ==, ERRAND_HEAD, "nor remembered");
    done(5, 200);
}

static void test_checks(void)
{
    struct ask_question question;

    for (int i = 0; i < 100; i++) {
        now.steady_ms += 1000;
        agenda_check(agenda, false, now);
    }
    cmp_ok(checks_seen, ==, 0, "nothing in use, nothing checked");
    agenda_hear(agenda, 1, &question,
                ask_write_use(&question, config_target(config, SLICE("us")), NULL), now);
    agenda_hear(agenda, 1, &question,
                ask_write_use(&question, config_target(config, SLICE("cdn")), NULL), now);
    cmp_ok(checks_seen, ==, 2, "what is in use is, at once");
    is(check_urls[0], "https://us.example.org/mirror/v2/", "by an upstream's path");
    is(check_urls[1],
       "https://cdn.example.org/b/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca"
       "495991b7852b855",
       "or an object in a bucket");
    ok(is_get[0] && !is_get[1], "by GET and by HEAD");
    answer_checks();
    cmp_ok(agenda_jobs(agenda), ==, 0, "they end");
    cmp_ok(answer_count, ==, 0, "nobody is answered");
}

static void test_reload(void)
{
    uint64_t us = config_target(config, SLICE("us"))->id;

    ask(1, 1, "eu us", "app", digest(1));
    ask(1, 2, "eu", "app", digest(2));
    struct config *fewer = parse(short_text);
    agenda_configure(agenda, fewer);
    struct config *old = config;
    config = fewer;
    config_free(old);
    ok(!remotes_find(agenda_remotes(agenda), us), "a target that is gone");
    done(1, 0);
    is(noted, "", "its failures are nobody's business");
    done(0, 404);
    is(answered(1, 1), "A?", "what was under way is answered");
    done(2, 200);
    ask(1, 3, "eu", "app", digest(2));
    is(answered(1, 3), "P", "and remembered");
    struct ask_question question;
    struct target stranger = {.id = us};
    const struct target *targets[] = {&stranger};
    struct object object = {ENDPOINT_BLOBS, SLICE("app"), digest(1)};
    agenda_hear(agenda, 1, &question, ask_write(&question, 4, &object, targets, 1), now);
    is(answered(1, 4), "?", "a target that is gone is unknown");
    cmp_ok(agenda_counters(agenda)->strangers, ==, 1, "and counted");
}

static void test_limits(void)
{
    char other[200];

    snprintf(other, sizeof other, "%s", "probe_burst = 100000; probe_rate = 100000;");
    char *all = malloc(sizeof text + sizeof other);
    sprintf(all, "%s%s", short_text, other);
    struct config *wide = parse(all);
    free(all);
    agenda_configure(agenda, wide);
    config_free(config);
    config = wide;
    for (uint32_t i = 0; i < 20000; i++)
        ask(1, i + 1, "eu", "app", digest(i));
    cmp_ok(agenda_jobs(agenda), ==, 4096, "so many requests are under way at most");
    cmp_ok(answer_count, ==, 20000 - 4096, "the other questions are answered at once");
    for (uint32_t i = 0; i < 20000; i++)
        ask(1, 100000 + i, "eu", "app", digest(1));
    cmp_ok(agenda_questions(agenda), ==, 16384, "so many questions wait at most");
    for (size_t i = 0; i < 4096; i++)
        done(i, 200);
    cmp_ok(answer_count, ==, 40000, "all are answered in the end");
}

static void test_redirects(void)
{
    static const struct {
        const char *from, *to;
        bool followed;
    } cases[] = {
        {"https://eu.example.org/x", "https://us.example.org/y", true},
        {"https://eu.example.org/x", "https://EU.example.org:443/y", true},
        {"https://eu.example.org/x", "https://cdn.example.org/y", true},
        {"https://eu.example.org/x", "https://storage.example.org/y?signature=1", true},
        {"https://eu.example.org/x", "https://a.blobs.example.org/y", true},
        {"https://eu.example.org/x", "https://a.b.blobs.example.org/y", true},
        {"https://eu.example.org/x", "https://odd.example.org:8443/y", true},
        {"https://eu.example.org/x", "https://odd.example.org/y", false},
        {"https://eu.example.org/x", "https://blobs.example.org/y", false},
        {"https://eu.example.org/x", "https://evilblobs.example.org/y", false},
        {"https://eu.example.org/x", "https://eu.example.org:444/y", false},
        {"https://eu.example.org/x", "http://us.example.org/y", false},
        {"https://eu.example.org/x", "http://eu.example.org:443/y", false},
        {"http://eu.example.org/x", "https://us.example.org/y", true},
        {"https://eu.example.org/x", "https://eu.example.org.evil.org/y", false},
        {"https://eu.example.org/x", "https://eu.example.org@evil.org/y", false},
        {"https://eu.example.org/x", "https://evil.org/eu.example.org", false},
        {"https://eu.example.org/x", "https://evil.org?.blobs.example.org", false},
        {"https://eu.example.org/x", "https://evil.org#.blobs.example.org", false},
        {"https://eu.example.org/x", "https://evil.org\\.blobs.example.org", false},
        {"https://eu.example.org/x", "ftp://us.example.org/y", false},
        {"https://eu.example.org/x", "file:///etc/passwd", false},
        {"https://eu.example.org/x", "https://169.254.169.254/", false},
        {"https://eu.example.org/x", "", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cmp_ok(probe_may_follow(config, cases[i].from, cases[i].to), ==, cases[i].followed,
               "%s -> %s is%s followed", cases[i].from, cases[i].to,
               cases[i].followed ? "" : " not");
}

int main(void)
{
    void (*const tests[])(void) = {test_packets, test_one,      test_several, test_gone,
                                   test_budgets, test_method,   test_checks,  test_reload,
                                   test_limits,  test_redirects};

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        start();
        tests[i]();
        stop();
    }
    return done_testing();
}
