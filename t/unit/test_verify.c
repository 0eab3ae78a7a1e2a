/* SPDX-License-Identifier: Apache-2.0 */
/* What `signpost verify` judges by: where redirects lead, its table of checks, its state file. */
#include "config.h"
#include "../tap.h"

#ifndef HAVE_REGISTRY
int main(void)
{
    puts("1..0 # SKIP built without libcurl, jansson or libcrypto");
    return 0;
}
#else

#include "cmd/verify/canonical.h"
#include "cmd/verify/checks.h"
#include "cmd/verify/location.h"
#include "cmd/verify/resume.h"

/* ---- Locations ---- */

static void test_crooked(void)
{
    static const struct {
        const char *location;
        bool crooked;
    } cases[] = {
        {"https://a.example/v2/b/manifests/c", false},
        {"https://a.example", false},
        {"https://a.example/", false},
        {"https://a.example/v2/b/", false},
        {"https://a.example/v2/b?x=../..//", false},
        {"https://a.example/v2/b#/../", false},
        {"https://a.example/v2/sha256%3Aabc", false},
        {"https://a.example/v2/...", false},
        {"https://a.example/v2/a..b/.c", false},
        {"https://a.example/v2/100%", false},
        {"/v2/b", false},
        {"v2", false},
        {"https://a.example//v2/b", true},
        {"https://a.example/v2//b", true},
        {"https://a.example/v2/../b", true},
        {"https://a.example/v2/./b", true},
        {"https://a.example/v2/b/..", true},
        {"https://a.example/v2/b/.", true},
        {"https://a.example/v2/%2e%2E/b", true},
        {"https://a.example/v2/.%2e", true},
        {"https://a.example/v2%2fb", true},
        {"https://a.example/v2/b%2F", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ok(location_is_crooked(cases[i].location) == cases[i].crooked, "%s is %s",
           cases[i].location, cases[i].crooked ? "crooked" : "straight");
}

static void test_leaves(void)
{
    static const char base[] = "https://a.example/v2/mirror";

    ok(!location_leaves("https://a.example/v2/mirror/b", base), "below the base");
    ok(location_leaves("https://a.example/v2/mirrors/b", base), "beside it");
    ok(location_leaves("https://a.example/v2/other", base), "out of it");
    ok(location_leaves("https://a.example/", base), "above it");
    ok(!location_leaves("https://b.example/v2/other", base), "at another host");
}

/* ---- the canonical registry ---- */

/* A way over these URLs; nothing of it is to be freed. */
static struct journey way(const char *const *urls)
{
    struct journey journey = {0};

    while (urls[journey.count]) {
        journey.hop[journey.count].url = strdup(urls[journey.count]);
        journey.count++;
    }
    return journey;
}

static void test_base(void)
{
    static const struct {
        const char *registry, *base;
    } cases[] = {
        {"https://a.example", "https://a.example/v2"},
        {"https://a.example/", "https://a.example/v2"},
        {"http://a.example:5000/mirror/images", "http://a.example:5000/v2/mirror/images"},
        {"http://[::1]:5000/mirror/", "http://[::1]:5000/v2/mirror"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *base = canonical_base(cases[i].registry);
        is(base, cases[i].base, "the base of %s", cases[i].registry);
        free(base);
    }
}

static void test_learn(void)
{
    const struct door door = {.url = "https://front.example"};
    const struct slice asked = SLICE("/app/manifests/sha256-1.sig");
    static const struct {
        const char *urls[4], *base, *what;
    } cases[] = {
        {{"https://front.example/v2/app/manifests/sha256-1.sig",
          "https://a.example/v2/mirror/app/manifests/sha256-1.sig"},
         "https://a.example/v2/mirror",
         "where a redirect leads"},
        {{"http://front.example/v2/app/manifests/sha256-1.sig",
          "https://front.example/v2/app/manifests/sha256-1.sig",
          "https://a.example/v2/app/manifests/sha256-1.sig?x=y"},
         "https://a.example/v2",
         "behind one to https"},
        {{"https://front.example/v2/app/manifests/sha256-1.sig"}, NULL, "no redirect"},
        {{"https://front.example/v2/app/manifests/sha256-1.sig", "https://a.example/login"},
         NULL,
         "a redirect to something else"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct journey journey = way(cases[i].urls);
        char *base = canonical_learn(&journey, &door, asked);
        ok(cases[i].base ? base && strcmp(base, cases[i].base) == 0 : !base, "%s: %s",
           cases[i].what, base ? base : "nothing");
        free(base);
        journey_end(&journey);
    }
}

static void test_reached(void)
{
    static const struct {
        const char *url;
        bool reached;
    } cases[] = {
        {"https://a.example/v2/mirror/app/referrers/sha256:1", true},
        {"https://a.example/v2/mirror/app/referrers/sha256%3a1", true},
        {"https://A.example:443/v2/mirror/app/referrers/sha256:1?n=1", true},
        {"https://b.example/v2/mirror/app/referrers/sha256:1", false},
        {"https://a.example:444/v2/mirror/app/referrers/sha256:1", false},
        {"https://a.example/v2/mirror2/app/referrers/sha256:1", false},
        {"https://a.example/v2/app/referrers/sha256:1", false},
        {"https://a.example/v2/mirror/x/app/referrers/sha256:1", false},
        {"https://a.example/v2/mirror/app/referrers/sha256:12", false},
        {"https://a.example", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct journey journey =
            way((const char *const[]){"https://front.example/", cases[i].url, NULL});
        ok(canonical_reached(&journey, "https://a.example/v2/mirror",
                             SLICE("/app/referrers/sha256:1")) == cases[i].reached,
           "%s is %sthe canonical registry's", cases[i].url, cases[i].reached ? "" : "not ");
        journey_end(&journey);
    }
}

/* ---- the table ---- */

static void test_table(void)
{
    for (enum check c = 0; c < CHECKS; c++) {
        const struct check_words *words = &check_words[c];
        enum check found = CHECKS;
        ok(words->key && words->name && words->expected && words->breaks && words->cure,
           "check %d has all its words", (int)c);
        ok(check_find(&found, slice_of(words->key)) && found == c, "%s is found by its key",
           words->key);
        ok(!strchr(words->name, '#'), "  and its name is no directive to TAP");
    }
    enum check none;
    ok(!check_find(&none, SLICE("no such")), "a key that there is not");
}

/* ---- the state file ---- */

#define FINDING "{\"check\":\"tag\",\"outcome\":\"passed\",\"subject\":\"app:v1\"}"

static void test_resume(void)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"inspection\":\"x\"}",
        "{\"inspection\":1,\"findings\":[]}",
        "{\"inspection\":\"x\",\"findings\":{}}",
        "{\"inspection\":\"x\",\"findings\":[1]}",
        "{\"inspection\":\"x\",\"findings\":[{\"check\":\"none\",\"outcome\":\"passed\","
        "\"subject\":\"a\"}]}",
        "{\"inspection\":\"x\",\"findings\":[{\"check\":\"tag\",\"outcome\":\"so "
        "so\",\"subject\":\"a\"}]}",
        "{\"inspection\":\"x\",\"findings\":[{\"check\":\"tag\",\"outcome\":\"passed\",\"subject\":"
        "7}]}",
        "{\"inspection\":\"x\",\"findings\":[" FINDING "]",
    };
    json_t *done = json_object();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!resume_read_line(done, slice_of(bad[i])), "refused: %s", bad[i]);
    cmp_ok(json_object_size(done), ==, 0, "and nothing is taken from them");
    ok(resume_read_line(done, SLICE("{\"inspection\":\"x\",\"findings\":[" FINDING "]}\n")),
       "a line as it is written");
    cmp_ok(json_array_size(json_object_get(done, "x")), ==, 1, "with its findings");
    json_decref(done);
}

int main(void)
{
    test_crooked();
    test_leaves();
    test_base();
    test_learn();
    test_reached();
    test_table();
    test_resume();
    return done_testing();
}
#endif
