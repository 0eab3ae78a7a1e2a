/* SPDX-License-Identifier: Apache-2.0 */
/* archeio's environment variables, alone and over a configuration file. */
#include "config/environment.h"
#include <stdlib.h>
#include <unistd.h>
#include "asking.h"
#include "tap.h"
#include "tight.h"

static const char *const names[] = {"UPSTREAM_REGISTRY_ENDPOINT", "UPSTREAM_REGISTRY_PATH",
                                    "SIGNATURE_UPSTREAM_ENDPOINT", "DEFAULT_AWS_BASE_URL"};

static char problem[512]; /* the first error, if there was one */

/* Sets the four variables, NULL for none, and loads a file, or NULL for none. */
static struct config *load(const char *file, const char *endpoint, const char *path,
                           const char *signatures, const char *bucket)
{
    const char *const values[] = {endpoint, path, signatures, bucket};
    struct problems problems = {0};

    for (size_t i = 0; i < 4; i++)
        values[i] ? setenv(names[i], values[i], 1) : unsetenv(names[i]);
    struct config *config = config_load(file, &problems);
    problem[0] = '\0';
    for (size_t i = problems.count; i-- > 0;)
        if (problems.list[i].severity == PROBLEM_ERROR)
            snprintf(problem, sizeof problem, "%s", problems.list[i].text);
    problems_clear(&problems);
    return config;
}

/* A file with this text; good until the next call. */
static const char *file_with(const char *content)
{
    static char name[] = "/tmp/signpost-environment-XXXXXX";
    static int fd = -1;

    if (fd < 0)
        fd = mkstemp(name);
    if (!content)
        unlink(name);
    else if (ftruncate(fd, 0) < 0 || pwrite(fd, content, strlen(content), 0) < 0)
        diag("%s cannot be written", name);
    return name;
}

static void goes(const struct config *config, const char *target, const char *region,
                 const char *want)
{
    char more[64];

    snprintf(more, sizeof more, "SIGNPOST_REGION=%s", region);
    is(config ? location_of(ask_target(config, target, more)) : NULL, want, "%s", target);
}

#define TAG       "/v2/a/manifests/v1"
#define SIGNATURE "/v2/a/manifests/sha256-" HEX64 ".sig"
#define BLOB      "/v2/a/blobs/" SHA256

static void check_alone(void)
{
    struct config *c = load(NULL, "https://us.example.org/", NULL, NULL, NULL);

    ok(c && !c->file, "an endpoint alone is a configuration");
    goes(c, TAG, "", "https://us.example.org/v2/a/manifests/v1");
    goes(c, SIGNATURE, "FR", "https://us.example.org" SIGNATURE);
    goes(c, BLOB, "FR", "https://us.example.org" BLOB);
    goes(c, "/", "", "https://github.com/kubernetes/registry.k8s.io");
    goes(c, "/privacy", "", "https://www.linuxfoundation.org/privacy-policy/");
    config_free(c);
    c = load(NULL, "https://us.example.org", "team/images", "https://sign.example.org",
             "https://cdn.example.org/x");
    goes(c, TAG, "FR", "https://us.example.org/v2/team/images/a/manifests/v1");
    goes(c, SIGNATURE, "FR",
         "https://sign.example.org/v2/team/images/a/manifests/sha256-" HEX64 ".sig");
    goes(c, "/v2/a/referrers/" SHA256, "",
         "https://sign.example.org/v2/team/images/a/referrers/" SHA256);
    ok(c && config_target(c, SLICE("default-bucket")), "a bucket for everyone");
    is(shown(c ? c->targets[2].url : SLICE("")),
       "https://cdn.example.org/x/containers/images/{digest}", "  with archeio's path");
    config_free(c);
}

static void check_refused(void)
{
    ok(!load(NULL, NULL, NULL, NULL, NULL), "without an endpoint there is none");
    like(problem, "SIGNPOST_CONF", "  and it is said what to do");
    ok(!load(NULL, "", "team", "https://sign", "https://cdn"), "an empty one is none");
    ok(!load(NULL, "us.example.org", NULL, NULL, NULL), "one that is no URL is refused");
    is(problem,
       "the environment variable UPSTREAM_REGISTRY_ENDPOINT: expected a URL such as "
       "\"https://registry.example.org\", found \"us.example.org\".",
       "  by the variable's name");
    ok(!load(NULL, "https://us", "/team/", NULL, NULL), "a path that is none");
    like(problem, "UPSTREAM_REGISTRY_PATH: expected a repository path", "  is named");
    ok(!load(NULL, "https://us", NULL, "ftp://sign", NULL), "a signature endpoint that is none");
    like(problem, "SIGNATURE_UPSTREAM_ENDPOINT: expected a URL", "  is named");
    ok(!load(NULL, "https://us", NULL, NULL, "cdn"), "a bucket that is none");
    like(problem, "DEFAULT_AWS_BASE_URL: expected a URL", "  is named");
    char url[URL_MAX + 16];
    ok(!load(NULL, padded(url, "https://us/", 'a', URL_MAX), NULL, NULL, NULL), "a URL too long");
    like(problem, "UPSTREAM_REGISTRY_ENDPOINT", "  is named");
}

#define FILE_HEAD "name = \"registry.example.org\"; prefix = \"mine\"; region_header = \"X-Mine\";"
#define EU_US                                                                                      \
    "{ eu = { url = \"https://eu\"; serves = \"EU\"; }; us = { url = \"https://us\"; }; }; "       \
    "canonical = \"us\";"

static void check_over_a_file(void)
{
    const char *file = file_with(FILE_HEAD "upstreams = " EU_US);
    struct config *c = load(file, NULL, NULL, NULL, NULL);

    goes(c, TAG, "FR", "https://eu/v2/mine/a/manifests/v1");
    int input = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    struct config *again = load(file, NULL, NULL, NULL, NULL);
    ok(again != NULL, "without a standard input it is read, too");
    config_free(again);
    if (input >= 0)
        dup2(input, STDIN_FILENO), close(input);
    is(c ? c->logging.to : NULL, "stderr", "the log's words are no files beside it");
    config_free(c);
    c = load(file, "https://new", NULL, NULL, NULL);
    goes(c, TAG, "FR", "https://new/v2/mine/a/manifests/v1");
    is(shown(c ? c->region_header : SLICE("")), "X-Mine", "the rest is the file's");
    config_free(c);
    c = load(file_with(FILE_HEAD "default = \"eu\"; upstreams = " EU_US), "https://new", NULL, NULL,
             NULL);
    goes(c, TAG, "", "https://new/v2/mine/a/manifests/v1");
    config_free(c);
    c = load(file_with(FILE_HEAD "upstreams = " EU_US), NULL, "theirs", NULL, NULL);
    goes(c, TAG, "FR", "https://eu/v2/theirs/a/manifests/v1");
    config_free(c);
    c = load(file, NULL, NULL, "https://sign", NULL);
    goes(c, SIGNATURE, "FR", "https://sign/v2/mine/a/manifests/sha256-" HEX64 ".sig");
    goes(c, TAG, "FR", "https://eu/v2/mine/a/manifests/v1");
    config_free(c);
    c = load(file_with(FILE_HEAD "upstreams = ( { name = \"us\"; url = \"https://us\"; } );"), NULL,
             NULL, "https://sign", NULL);
    goes(c, SIGNATURE, "FR", "https://sign/v2/mine/a/manifests/sha256-" HEX64 ".sig");
    config_free(c);
}

/* The bucket for everyone replaces the file's, however that is written; others stay. */
static void check_bucket(void)
{
    static const char *const files[] = {
        "buckets = ( { name = \"x\"; url = \"https://x/{digest}\"; serves = \"*\"; } );",
        "buckets = ( { name = \"x\"; url = \"https://x/{digest}\"; serves = [ \"*\" ]; } );",
        "buckets = { x = { url = \"https://x/{digest}\"; serves = [ \"*\" ]; }; };",
        "buckets = { default-bucket = { url = \"https://x/{digest}\"; serves = \"*\"; }; };",
        "buckets = ( );",
        ""};
    static const char *const others[] = {"serves = \"EU\";", "serves = [ \"EU\" ];"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char text[512];
        snprintf(text, sizeof text, FILE_HEAD "upstreams = " EU_US "%s", files[i]);
        struct config *c = load(file_with(text), NULL, NULL, NULL, "https://cdn");
        ok(c && c->target_count == 3 &&
               slice_equal(c->targets[2].url, SLICE("https://cdn/containers/images/{digest}")),
           "%s", files[i]);
        config_free(c);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 FILE_HEAD "upstreams = " EU_US
                           "buckets = { x = { url = \"https://x/{digest}\"; %s }; };",
                 others[i]);
        struct config *c = load(file_with(text), NULL, NULL, NULL, "https://cdn");
        ok(c && c->target_count == 4, "one for others stays: %s %s", others[i], problem);
        config_free(c);
    }
    ok(!load(file_with(FILE_HEAD "upstreams = " EU_US
                                 "buckets = { x = { url = \"https://x/{digest}\"; }; };"),
             NULL, NULL, NULL, "https://cdn"),
       "one for nobody is a mistake all the same");
    like(problem, "serves", "as is said");
}

/* A file that is wrong, or of which nothing can be overridden, is refused, and never worse. */
static void check_wrong_files(void)
{
    static const char *const files[] = {"upstreams = 5; buckets = 5;",
                                        "upstreams = \"x\"; buckets = [ 1 ];",
                                        "upstreams = ( 1 ); buckets = (1);",
                                        "upstreams = [ ]; buckets = { x = 1; };",
                                        "buckets = ( { serves = 1; } );",
                                        "name = \"r",
                                        "canonical = { };",
                                        "buckets = ( { serves = [ 1, \"x\" ]; } );"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct config *c = load(file_with(files[i]), i % 2 ? "https://us" : NULL, "x",
                                "https://sign", "https://cdn");
        ok(!c && problem[0], "refused: %s", files[i]);
        config_free(c);
    }
    ok(!load(file_with(FILE_HEAD "upstreams = 5;"), NULL, "//", NULL, NULL), "both are wrong");
    file_with(NULL);
}

int main(void)
{
    check_alone();
    check_refused();
    check_over_a_file();
    check_bucket();
    check_wrong_files();
    return done_testing();
}
