/* SPDX-License-Identifier: Apache-2.0 */
/* From CGI variables to CGI answers, as clients see them; and what no client can do to them. */
#include "asking.h"
#include "route/respond.h"
#include "sound.h"
#include "tap.h"
#include "tight.h"

static struct config *config;

static const char layout[] =
    "name = \"registry.example.org\"; prefix = \"team/images\"; canonical = \"us\";"
    "upstreams = {"
    "  eu = { url = \"https://eu.example.org\"; serves = [ \"EU\", \"AF\" ]; };"
    "  us = { url = \"https://us.example.org/\"; };"
    "  own = { url = \"http://own.example.org:5000/mirror\"; prefix = \"\"; serves = \"JP\"; }; };"
    "buckets = ("
    "  { name = \"cdn\"; url = \"https://cdn.example.org/{digest}\"; serves = \"FR\"; },"
    "  { name = \"parts\"; url = \"https://parts.example.org/{algorithm}/x-{encoded}.bin\";"
    "    serves = \"DE\"; } );"
    "pages = ( { path = \"/\"; url = \"https://example.org/?a=b#c\"; },"
    "          { path = \"/privacy\"; url = \"https://example.org/privacy\"; } );"
    "rules = ( { match = \"blob\"; client = [ \"FR\", \"DE\" ]; to = [ \"bucket\", \"canonical\" "
    "]; },"
    "          { match = \"tags-list\"; client = \"CH\"; query = \"keep\"; to = \"nearest\"; },"
    "          { match = \"tags-list\"; client = \"AT\"; query = \"drop\"; to = \"nearest\"; },"
    "          \"default\" );";

/* ---- where requests go ---- */

#define US "https://us.example.org/v2/team/images/"
#define EU "https://eu.example.org/v2/team/images/"

static const struct {
    int line;
    const char *target, *region, *location;
} redirects[] = {
    {__LINE__, "/v2/a/manifests/v1", NULL, US "a/manifests/v1"},
    {__LINE__, "/v2/a/manifests/v1", "FR", EU "a/manifests/v1"},
    {__LINE__, "/v2/a/manifests/v1", "us", US "a/manifests/v1"},
    {__LINE__, "/v2/a/manifests/v1", "EU", EU "a/manifests/v1"},
    {__LINE__, "/v2/a/manifests/v1", "no such place", US "a/manifests/v1"},
    {__LINE__, "/v2/a/manifests/v1", "JP", "http://own.example.org:5000/mirror/v2/a/manifests/v1"},
    {__LINE__, "/v2/a/b/c/manifests/" SHA256, NULL, US "a/b/c/manifests/" SHA256},
    {__LINE__, "/v2/a/manifests/sha256%3A" HEX64, NULL, US "a/manifests/" SHA256},
    {__LINE__, "/v2/a/manifests/sha256%3a" HEX64, NULL, US "a/manifests/" SHA256},
    {__LINE__, "/v2/%61/manifests/v1", NULL, US "a/manifests/v1"},
    {__LINE__, "/v2/a/blobs/" SHA512, NULL, US "a/blobs/" SHA512},
    {__LINE__, "/v2/a/blobs/blake3:" HEX64, NULL, US "a/blobs/blake3:" HEX64},
    {__LINE__, "/v2/a/blobs/x+y:Z=", NULL, US "a/blobs/x+y:Z="},
    {__LINE__, "http://registry.example.org/v2/a/manifests/v1", NULL, US "a/manifests/v1"},

    /* buckets */
    {__LINE__, "/v2/a/blobs/" SHA256, "FR", "https://cdn.example.org/" SHA256},
    {__LINE__, "/v2/a/blobs/" SHA256 "?x=y", "FR", "https://cdn.example.org/" SHA256},
    {__LINE__, "/v2/a/blobs/" SHA256, "DE", "https://parts.example.org/sha256/x-" HEX64 ".bin"},
    {__LINE__, "/v2/a/manifests/" SHA256, "FR", US "a/manifests/" SHA256},

    /* signatures */
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".sig", "FR", US "a/manifests/sha256-" HEX64 ".sig"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64 ".sigx", "FR",
     EU "a/manifests/sha256-" HEX64 ".sigx"},
    {__LINE__, "/v2/a/manifests/sha256-" HEX64, "FR", US "a/manifests/sha256-" HEX64},
    {__LINE__, "/v2/a/referrers/" SHA256, "FR", US "a/referrers/" SHA256},
    {__LINE__, "/v2/a/referrers/" SHA256 "?artifactType=a%2Bb&artifactType=c", "FR",
     US "a/referrers/" SHA256 "?artifactType=a%2Bb&artifactType=c"},
    {__LINE__, "/v2/a/referrers/" SHA256 "?ns=docker.io&n=1", "FR",
     US "a/referrers/" SHA256 "?n=1"},
    {__LINE__, "/v2/a/referrers/" SHA256 "?a=\"\r|b", "FR",
     US "a/referrers/" SHA256 "?a=%22%0D%7Cb"},

    /* tags, and the prefix that a backend's paging links have already */
    {__LINE__, "/v2/a/tags/list", "FR", US "a/tags/list"},
    {__LINE__, "/v2/a/tags/list?n=100&last=v1", "FR", US "a/tags/list?last=v1"},
    {__LINE__, "/v2/a/tags/list?n=100", "FR", US "a/tags/list"},
    {__LINE__, "/v2/a/tags/list?n=100&last=v1", "CH", EU "a/tags/list?n=100&last=v1"},
    {__LINE__, "/v2/a/tags/list?n=100&last=v1", "AT", EU "a/tags/list"},
    {__LINE__, "/v2/team/images/a/tags/list?last=v1", "FR", US "a/tags/list?last=v1"},
    {__LINE__, "/v2/team/images/tags/list", "FR", US "team/images/tags/list"},
    {__LINE__, "/v2/team/imagesx/a/tags/list", "FR", US "team/imagesx/a/tags/list"},
    {__LINE__, "/v2/team/tags/list", "FR", US "team/tags/list"},
    {__LINE__, "/v2/team/images/a/manifests/v1", "FR", EU "team/images/a/manifests/v1"},

    /* pages */
    {__LINE__, "/", NULL, "https://example.org/?a=b#c"},
    {__LINE__, "/?x=y", NULL, "https://example.org/?a=b#c"},
    {__LINE__, "/privacy", "FR", "https://example.org/privacy"},
};

static void check_redirects(void)
{
    for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        char region[64];
        snprintf(region, sizeof region, "HTTP_X_CLIENT_REGION=%s",
                 redirects[i].region ? redirects[i].region : "");
        const struct asked *asked = ask_target(config, redirects[i].target, region);
        const char *location = location_of(asked);
        tap_ok(status_of(asked) == 307 && tap_same(location, redirects[i].location), __FILE__,
               redirects[i].line, "%s from %s: %s", shown(slice_of(redirects[i].target)),
               region + 21, location ? location : "(nowhere)");
    }
}

/* ---- what is answered here ---- */

static const struct {
    int line;
    const char *target;
    int status;
    const char *code;
} refusals[] = {
    {__LINE__, "/v2foo", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/_catalog", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/_catalog?n=100", 404, "UNSUPPORTED"},
    {__LINE__, "/v2//manifests/v1", 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/a//b/manifests/v1", 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "//v2/a/manifests/v1", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/../../b/manifests/v1", 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/%2e%2e/b/manifests/v1", 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/../v2/a/blobs/" SHA256, 404, "BLOB_UNKNOWN"},
    {__LINE__, "/../v2/a/manifests/v1", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a%2Fb/manifests/v1", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/v1%00", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/v1%0d%0aSet-Cookie:%20x=y", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/v1\rX: y", 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/a/manifests/v%", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/v%2", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/v%zz", 404, "UNSUPPORTED"},
    {__LINE__, "/v2/a/manifests/sha256%253A" HEX64, 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/a/manifests/sha512-" HEX128, 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/a/manifests/sha256:" HEX63, 404, "MANIFEST_UNKNOWN"},
    {__LINE__, "/v2/a/blobs/sha256:" HEX63, 404, "BLOB_UNKNOWN"},
    {__LINE__, "/v2/a/blobs/uploads/", 404, "BLOB_UPLOAD_UNKNOWN"},
    {__LINE__, "/v2/a/referrers/sha256:" HEX63, 400, "DIGEST_INVALID"},
    {__LINE__, "/v2/a/referrers/", 400, "DIGEST_INVALID"},
    {__LINE__, "/v2/A/tags/list", 404, "NAME_INVALID"},
    {__LINE__, "/nowhere", 404, "UNSUPPORTED"},
    {__LINE__, "*", 404, "UNSUPPORTED"},
    {__LINE__, "", 404, "UNSUPPORTED"},
};

static void check_refusals(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char want[64];
        const struct asked *asked = ask_target(config, refusals[i].target, NULL);
        snprintf(want, sizeof want, "{\"errors\":[{\"code\":\"%s\",\"message\":\"",
                 refusals[i].code);
        tap_ok(status_of(asked) == refusals[i].status &&
                   slice_starts(body_of(asked), slice_of(want)),
               __FILE__, refusals[i].line, "%s: %d %s", shown(slice_of(refusals[i].target)),
               refusals[i].status, refusals[i].code);
        tap_ok(tap_same(header_of(asked, "Content-Type"), "application/json") &&
                   !unsound(config, &asked->answer, false),
               __FILE__, refusals[i].line, "  in JSON");
    }
}

static void check_long_query(void)
{
    static char target[REQUEST_QUERY_MAX + 256];
    const struct asked *asked;

    padded(target, "/v2/a/referrers/" SHA256 "?", '|', REQUEST_QUERY_MAX);
    asked = ask_target(config, target, NULL);
    is(unsound(config, &asked->answer, false), NULL, "the longest query");
    ok(status_of(asked) == 307 && strlen(location_of(asked)) ==
                                      strlen(US "a/referrers/" SHA256 "?") + 3 * REQUEST_QUERY_MAX,
       "  is all there");
    padded(target, "/v2/a/referrers/" SHA256 "?", '|', REQUEST_QUERY_MAX + 1);
    asked = ask_target(config, target, NULL);
    cmp_ok(status_of(asked), ==, 414, "one byte more is too long");
    is(unsound(config, &asked->answer, false), NULL, "  and is told so");
}

/* The longest of everything at once. */
static void check_longest_answer(void)
{
    static char text[4096], target[REQUEST_QUERY_MAX + 1024], url[URL_MAX + 1], name[256],
        digest[300];
    struct config *longest;

    padded(url, "https://h/", 'a', URL_MAX - 10);
    padded(name, "", 'n', 255);
    snprintf(text, sizeof text,
             "name = \"r\"; prefix = \"%s\"; upstreams = { us = { url = \"%s\"; }; };", name, url);
    longest = config_of(text);
    snprintf(target, sizeof target, "/v2/%s/referrers/%s?", name, padded(digest, "x:", 'd', 254));
    padded(target, target, '|', REQUEST_QUERY_MAX);
    const struct asked *asked = ask_target(longest, target, NULL);
    is(unsound(longest, &asked->answer, false), NULL, "the longest answer there can be is whole");
    cmp_ok(status_of(asked), ==, 307, "  and leads on");
    cmp_ok(asked->answer.len, >, 20000, "  with more than 20,000 bytes");
    config_free(longest);
}

/* ---- ping, methods, HEAD ---- */

static void check_ping(void)
{
    static const char *const targets[] = {"/v2/", "/v2", "/%76%32/", "/v2/?x"};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const struct asked *asked = ask_target(config, targets[i], NULL);
        ok(status_of(asked) == 200, "%s is 200", targets[i]);
        is(header_of(asked, "Docker-Distribution-Api-Version"), "registry/2.0", "  by its header");
        is(unsound(config, &asked->answer, false), NULL, "  is sound");
        is(shown(body_of(asked)), "{}\\x0a", "  with an empty object");
    }
    is(header_of(ask_target(config, "/v2/a/manifests/v1", NULL), "Docker-Distribution-Api-Version"),
       NULL, "only there");
}

static void check_methods(void)
{
    static const char *const methods[] = {"POST", "PUT",     "PATCH", "DELETE", "OPTIONS",
                                          "head", "CONNECT", "TRACE", "",       "G\x01T"};
    static const char *const targets[] = {"/v2/", "/v2/a/blobs/uploads/", "/", "*", "/%00"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char lines[128];
        snprintf(lines, sizeof lines, "REQUEST_METHOD=%s\nREQUEST_URI=%s", methods[i],
                 targets[i % 5]);
        const struct asked *asked = ask(config, lines);
        cmp_ok(status_of(asked), ==, 405, "%s %s is 405", shown(slice_of(methods[i])),
               targets[i % 5]);
        is(header_of(asked, "Allow"), "GET, HEAD", "  with what is allowed");
        is(header_of(asked, "Retry-After"), NULL, "  and is not to be tried again");
        ok(memmem(body_of(asked).at, body_of(asked).len, "\"UNSUPPORTED\"", 13) &&
               !unsound(config, &asked->answer, false),
           "  and says so");
    }
}

/* A HEAD has the headers of a GET, and no body. */
static void check_head(void)
{
    static const char *const targets[] = {"/v2/",    "/v2/a/manifests/v1", "/",
                                          "/v2/a/b", "/v2/a/referrers/x",  "/v2/a/manifests/..",
                                          "/v2/%00"};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        static char get[ANSWER_MAX];
        char lines[128];
        const struct asked *asked = ask_target(config, targets[i], NULL);
        size_t len = asked->head_len;
        memcpy(get, asked->answer.text, len);
        snprintf(lines, sizeof lines, "REQUEST_METHOD=HEAD\nREQUEST_URI=%s", targets[i]);
        asked = ask(config, lines);
        ok(slice_equal((struct slice){get, len},
                       (struct slice){asked->answer.text, asked->answer.len}),
           "HEAD %s", targets[i]);
    }
}

/* ---- the plainest servers ---- */

static void check_variables(void)
{
    const struct asked *asked =
        ask(config, "REQUEST_METHOD=GET\nSCRIPT_NAME=/v2\nPATH_INFO=/a/manifests/" SHA256
                    "\nHTTP_X_CLIENT_REGION=FR");
    is(location_of(asked), US "a/manifests/" SHA256, "SCRIPT_NAME and PATH_INFO are enough");
    asked = ask(config, "REQUEST_METHOD=GET\nSCRIPT_NAME=/v2/a/manifests/v1");
    is(location_of(asked), US "a/manifests/v1", "SCRIPT_NAME is enough");
    asked = ask(config, "REQUEST_METHOD=GET\nSCRIPT_NAME=/v2/a/manifests/v1\nSCRIPT_NAME=/x");
    is(location_of(asked), US "a/manifests/v1", "of two the first counts");
    asked =
        ask(config, "REQUEST_METHOD=GET\nSCRIPT_NAME=/v2/a/tags/list\nQUERY_STRING=last=x%0D%0A");
    is(location_of(asked), US "a/tags/list?last=x%0D%0A", "QUERY_STRING is the query");
    asked = ask(config, "REQUEST_METHOD=GET\nPATH_INFO=/v2/a/manifests/v1\r");
    cmp_ok(status_of(asked), ==, 404, "a decoded path may hold anything, and is refused");
    is(unsound(config, &asked->answer, false), NULL, "  with nothing of it in the answer");
    asked = ask(config, "REQUEST_METHOD=GET");
    cmp_ok(status_of(asked), ==, 404, "no path");
    asked = ask(config, "");
    cmp_ok(status_of(asked), ==, 405, "no variables at all");
    is(unsound(config, &asked->answer, false), NULL, "  are answered, too");
}

static void check_path_from(void)
{
    struct config *forced = config_of("name = \"r\"; path_from = \"path_info\";"
                                      "upstreams = { us = { url = \"https://us\"; }; };");
    const struct asked *asked =
        ask(forced, "REQUEST_METHOD=GET\nREQUEST_URI=/mount/v2/a/manifests/v1\n"
                    "SCRIPT_NAME=\nPATH_INFO=/v2/a/manifests/v1");

    is(location_of(asked), "https://us/v2/a/manifests/v1", "path_from = \"path_info\"");
    config_free(forced);
    forced = config_of("name = \"r\"; path_from = \"request_uri\";"
                       "upstreams = { us = { url = \"https://us\"; }; };");
    asked = ask(forced, "REQUEST_METHOD=GET\nPATH_INFO=/v2/a/manifests/v1");
    cmp_ok(status_of(asked), ==, 404, "path_from = \"request_uri\"");
    config_free(forced);
}

static void check_region_sources(void)
{
    const struct asked *asked =
        ask_target(config, "/v2/a/manifests/v1", "SIGNPOST_REGION=us\nHTTP_X_CLIENT_REGION=FR");
    is(location_of(asked), US "a/manifests/v1", "SIGNPOST_REGION goes before the header");
    asked = ask_target(config, "/v2/a/manifests/v1", "SIGNPOST_REGION=XX\nHTTP_X_CLIENT_REGION=FR");
    is(location_of(asked), EU "a/manifests/v1", "unless it tells nothing");
    asked = ask_target(config, "/v2/a/manifests/v1",
                       "HTTP_X_CLIENT_REGION=XX\nHTTP_X_CLIENT_REGION=FR");
    is(location_of(asked), EU "a/manifests/v1", "the second header may tell");
}

/* ---- without a configuration ---- */

static void check_no_configuration(void)
{
    const struct asked *asked = ask_target(NULL, "/v2/a/manifests/v1", NULL);

    cmp_ok(status_of(asked), ==, 503, "without a configuration all is 503");
    is(header_of(asked, "Retry-After"), "5", "  and clients may try again");
    is(unsound(NULL, &asked->answer, false), NULL, "  in JSON");
    asked = ask(NULL, "REQUEST_METHOD=HEAD\nREQUEST_URI=/v2/");
    is(unsound(NULL, &asked->answer, true), NULL, "  and without a body on HEAD");
}

/* ---- hostile bytes ---- */

/* Every byte at every place of a line of variables: replaced, and put in. */
static void check_injection(const char *name, const char *line)
{
    char text[512], *list[] = {(char[]){"REQUEST_METHOD=GET"}, text, NULL};
    struct answer answer;
    size_t len = strlen(line), start = (size_t)(strchr(line, '=') + 1 - line);
    int wrong = 0;

    for (size_t at = start; at <= len; at++)
        for (int insert = 0; insert < 2; insert++)
            for (int c = 1; c < 256; c++) {
                size_t skipped = at < len && !insert;
                memcpy(text, line, at);
                text[at] = (char)c;
                memcpy(text + at + 1, line + at + skipped, len - at - skipped + 1);
                respond(config, NULL, list, &answer);
                const char *why = unsound(config, &answer, false);
                if (why && wrong++ == 0)
                    diag("%s: %s", shown(slice_of(text)), why);
            }
    cmp_ok(wrong, ==, 0, "no byte anywhere in %s does harm", name);
}

static void check_errors(void)
{
    struct answer with, without;

    respond_error(&error_header_too_long, true, &with);
    respond_error(&error_header_too_long, false, &without);
    ok(unsound(config, &with, false) == NULL, "an error of the protocol is an answer");
    ok(unsound(config, &without, false) == NULL, "without a body, too");
    ok(memmem(with.text, with.len, "\r\n\r\n{\"errors\":[{", 15) != NULL, "with one it is JSON");
    ok(memmem(without.text, without.len, "\r\nContent-Length: 0\r\n", 21) != NULL,
       "and without one its length is said to be 0");
    ok(memcmp(without.text, "Status: 431 ", 12) == 0, "the status is its own");
}

int main(void)
{
    config = config_of(layout);
    check_redirects();
    check_refusals();
    check_long_query();
    check_longest_answer();
    check_ping();
    check_methods();
    check_head();
    check_variables();
    check_path_from();
    check_region_sources();
    check_no_configuration();
    check_errors();
    check_injection("a tag", "REQUEST_URI=/v2/a/b/manifests/v1");
    check_injection("an escaped path", "REQUEST_URI=/v2/a/%62/manifests/v%31");
    check_injection("a digest", "REQUEST_URI=/v2/a/blobs/" SHA256);
    check_injection("referrers", "REQUEST_URI=/v2/a/referrers/x:y?artifactType=a%2Bb&c=d");
    check_injection("a list of tags", "REQUEST_URI=/v2/team/images/a/tags/list?n=1&last=v1");
    check_injection("a page", "REQUEST_URI=/privacy?x#y");
    check_injection("an absolute target", "REQUEST_URI=http://h/v2/a/manifests/v1");
    check_injection("SCRIPT_NAME", "SCRIPT_NAME=/v2/a/manifests/v1");
    config_free(config);
    return done_testing();
}
