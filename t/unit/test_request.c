/* SPDX-License-Identifier: Apache-2.0 */
/* What CGI variables say of a request. */
#include "parse/request.h"
#include "tap.h"
#include "tight.h"
#include "variables.h"

static struct request request;

/* ---- raw targets ---- */

static const char *const faults[] = {"fine", "malformed", "its query is too long"};

#define FINE(target, path, query)                                                                  \
    {                                                                                              \
        __LINE__, target, sizeof(target) - 1, TARGET_FINE, path, query                             \
    }
#define MALFORMED(target)                                                                          \
    {                                                                                              \
        __LINE__, target, sizeof(target) - 1, TARGET_MALFORMED, NULL, NULL                         \
    }

static const struct {
    int line;
    const char *target;
    size_t len;
    enum target_fault fault;
    const char *path, *query;
} targets[] = {
    FINE("/", "/", ""),
    FINE("/v2/", "/v2/", ""),
    FINE("/v2/a/manifests/sha256:abc", "/v2/a/manifests/sha256:abc", ""),
    FINE("/v2/a/manifests/sha256%3Aabc", "/v2/a/manifests/sha256:abc", ""),
    FINE("/v2/a/manifests/sha256%3aabc", "/v2/a/manifests/sha256:abc", ""),
    FINE("/%76%32/", "/v2/", ""),
    FINE("/%252e", "/%2e", ""), /* decoded once */
    FINE("/v2/%2e%2e/x", "/v2/../x", ""),
    FINE("/v2/../x", "/v2/../x", ""), /* the grammar refuses it; nothing is folded here */
    FINE("//v2//x", "//v2//x", ""),
    FINE("/%3F%23", "/?#", ""),
    FINE("/%5c", "/\\", ""),
    FINE("/%c3%a9", "/\xc3\xa9", ""),
    FINE("/+", "/+", ""),
    FINE("/x?", "/x", ""),
    FINE("/x?a=b", "/x", "a=b"),
    FINE("/x?a=%2F&b", "/x", "a=%2F&b"),
    FINE("/x?a?b", "/x", "a?b"),
    FINE("/x?a=http://h/y", "/x", "a=http://h/y"),
    FINE("/x#y", "/x", ""),
    FINE("/x#y?z", "/x", ""),
    FINE("/x?y#z", "/x", "y"),
    FINE("/x?%00%zz\r\n", "/x", "%00%zz\r\n"), /* made harmless where it is written */

    /* the absolute form */
    FINE("http://h/v2/", "/v2/", ""),
    FINE("a+b://h/v2/", "/v2/", ""),
    MALFORMED("+b://h/v2/"),
    FINE("https://h:80/v2/?x", "/v2/", "x"),
    FINE("http://h", "/", ""),
    FINE("http://h/", "/", ""),
    FINE("HTTP://h/a://b/c", "/a://b/c", ""),
    FINE("/a://b/c", "/a://b/c", ""),
    FINE("http://h?/v2/", "/", "/v2/"),
    FINE("http://h?a=b", "/", "a=b"),
    FINE("http://h#/v2/", "/", ""),
    MALFORMED("x?u=http://h/v2/"),
    MALFORMED("x/y://h/v2/"),
    MALFORMED("x#http://h/v2/"),
    MALFORMED("://h/v2/"),
    MALFORMED("?://h/v2/"),
    MALFORMED("1x://h/v2/"),

    MALFORMED(""),
    MALFORMED("*"),
    MALFORMED("v2/"),
    MALFORMED("?x"),
    MALFORMED("#"),
    MALFORMED("%2Fv2/"),
    MALFORMED("h:443"),
    MALFORMED("/v2/a%2Fb"),
    MALFORMED("/v2/a%2fb"),
    MALFORMED("/%00"),
    MALFORMED("/%0d%0aX: y"),
    MALFORMED("/%0D"),
    MALFORMED("/%0a"),
    MALFORMED("/%09"),
    MALFORMED("/%1f"),
    MALFORMED("/%7f"),
    MALFORMED("/%"),
    MALFORMED("/%4"),
    MALFORMED("/%4?1"),
    MALFORMED("/%zz"),
    MALFORMED("/%4g"),
    MALFORMED("/%g4"),
    MALFORMED("/% 4"),
    MALFORMED("/%-1"),
    MALFORMED("/%0x"),
    MALFORMED("/%%41"),
    MALFORMED("/%u0041"),
    MALFORMED("/\r%41"),
    MALFORMED("/\n%41"),
    MALFORMED("/\0%41"),
};

static void check_target(size_t i)
{
    struct slice target = tight((struct slice){targets[i].target, targets[i].len});

    request_set_target(&request, target);
    tap_ok(request.fault == targets[i].fault, __FILE__, targets[i].line, "%s is %s", shown(target),
           faults[targets[i].fault]);
    if (targets[i].fault == TARGET_FINE)
        tap_ok(slice_equal(request.path, slice_of(targets[i].path)) &&
                   slice_equal(request.query, slice_of(targets[i].query)),
               __FILE__, targets[i].line, "  its path and query");
}

static void check_lengths(void)
{
    char target[3 * REQUEST_PATH_MAX + REQUEST_QUERY_MAX];

    request_set_target(&request, slice_of(padded(target, "/%41", 'a', REQUEST_PATH_MAX - 4)));
    cmp_ok(request.fault, ==, TARGET_FINE, "a path with escapes may have 1024 bytes");
    request_set_target(&request, slice_of(padded(target, "/%41", 'a', REQUEST_PATH_MAX - 3)));
    cmp_ok(request.fault, ==, TARGET_MALFORMED, "and no more");
    request_set_target(&request, slice_of(padded(target, "/?", 'a', REQUEST_QUERY_MAX)));
    cmp_ok(request.fault, ==, TARGET_FINE, "a query may have 6144 bytes");
    request_set_target(&request, slice_of(padded(target, "/?", 'a', REQUEST_QUERY_MAX + 1)));
    cmp_ok(request.fault, ==, TARGET_QUERY_TOO_LONG, "and no more");
    request_set_target(&request, (struct slice){NULL, 0});
    cmp_ok(request.fault, ==, TARGET_MALFORMED, "no target at all");
}

/* Every byte, raw and escaped: what is decoded has no control bytes and no more slashes. */
static void check_bytes(void)
{
    int wrong = 0;

    for (int c = 0; c < 256; c++) {
        char target[8];
        bool refused = c < 0x20 || c == 0x7f || c == '/';
        snprintf(target, sizeof target, "/a%%%02x", c);
        request_set_target(&request, tight(slice_of(target)));
        wrong += (request.fault == TARGET_MALFORMED) != refused;
        wrong += !refused && (request.path.len != 3 || request.path.at[2] != (char)c);
    }
    cmp_ok(wrong, ==, 0, "control bytes and the slash are refused when escaped, and no others");
}

/* ---- variables ---- */

static const struct request_format by_default = {PATH_FROM_AUTO,
                                                 {"HTTP_X_CLIENT_REGION", 20},
                                                 {"HTTP_X_FORWARDED_FOR", 20},
                                                 {"HTTP_X_REQUEST_ID", 17}};
static const struct request_format by_uri = {.path_from = PATH_FROM_REQUEST_URI};
static const struct request_format by_path_info = {.path_from = PATH_FROM_PATH_INFO};

static void path_is(const struct request_format *format, const char *lines, const char *path,
                    const char *query, const char *name)
{
    request_read(&request, format, variables(lines));
    if (!path) {
        cmp_ok(request.fault, ==, TARGET_MALFORMED, "%s", name);
        return;
    }
    cmp_ok(request.fault, ==, TARGET_FINE, "%s", name);
    is(shown(request.path), path, "  its path");
    is(shown(request.query), query, "  its query");
}

static void check_paths(void)
{
    path_is(&by_default, "REQUEST_URI=/a%41?x=1\nSCRIPT_NAME=/b\nPATH_INFO=/c\nQUERY_STRING=y=2",
            "/aA", "x=1", "REQUEST_URI goes before all else");
    path_is(&by_default, "SCRIPT_NAME=/b\nPATH_INFO=/c%41\nQUERY_STRING=y=2", "/b/c%41", "y=2",
            "without it SCRIPT_NAME and PATH_INFO, not decoded again");
    path_is(&by_default, "SCRIPT_NAME=/b", "/b", "", "SCRIPT_NAME alone");
    path_is(&by_default, "PATH_INFO=/c", "/c", "", "PATH_INFO alone");
    path_is(&by_default, "SCRIPT_NAME=\nPATH_INFO=/c", "/c", "", "an empty SCRIPT_NAME");
    path_is(&by_default, "REQUEST_URI=\nPATH_INFO=/c", "/c", "", "an empty REQUEST_URI");
    path_is(&by_default, "SCRIPT_NAME=/b\nSCRIPT_NAME=/x\nPATH_INFO=/c\nPATH_INFO=/y", "/b/c", "",
            "of a variable that comes twice the first counts");
    path_is(&by_default, "REQUEST_URI=/a\nREQUEST_URI=/b", "/a", "", "REQUEST_URI too");
    path_is(&by_default, "SCRIPT_NAME=b", NULL, NULL, "no slash at the start");
    path_is(&by_default, "SCRIPT_NAME=\nPATH_INFO=", NULL, NULL, "both are empty");
    path_is(&by_default, "QUERY_STRING=x", NULL, NULL, "none is there");
    path_is(&by_default, "PATH_INFO=/c\nQUERY_STRING=a#b", "/c", "a", "a fragment is cut off");
    path_is(&by_uri, "SCRIPT_NAME=/b\nPATH_INFO=/c", NULL, NULL,
            "path_from = request_uri: nothing else is looked at");
    path_is(&by_uri, "REQUEST_URI=/a\nPATH_INFO=/c", "/a", "", "  it is taken");
    path_is(&by_path_info, "REQUEST_URI=/mount/a?x=1\nPATH_INFO=/c\nQUERY_STRING=x=2", "/c", "x=2",
            "path_from = path_info: REQUEST_URI is not looked at");
    path_is(&by_path_info, "REQUEST_URI=/a", NULL, NULL, "  not even alone");
}

static void check_long_paths(void)
{
    static char script[16 + REQUEST_PATH_MAX], info[16 + REQUEST_PATH_MAX];
    char *both[] = {script, info, NULL};

    padded(script, "SCRIPT_NAME=/", 'a', 511);
    padded(info, "PATH_INFO=/", 'b', 511);
    request_read(&request, &by_default, both);
    ok(request.fault == TARGET_FINE && request.path.len == REQUEST_PATH_MAX,
       "both together may have 1024 bytes");
    padded(info, "PATH_INFO=/", 'b', 512);
    request_read(&request, &by_default, both);
    cmp_ok(request.fault, ==, TARGET_MALFORMED, "and no more");
}

static void check_no_variables(void)
{
    char *none[] = {NULL};

    memset(&request, 0xaa, sizeof request);
    request_read(&request, &by_default, none);
    ok(request.fault == TARGET_MALFORMED && request.method == METHOD_OTHER &&
           request.remote_addr.len == 0 && request.server_region.len == 0 &&
           request.region.count == 0 && request.forwarded.count == 0,
       "without variables nothing is known");
    path_is(&by_default, "\n=\n=x\nS\nR\nREQUEST_URI\nSCRIPT_NAME\nQ=1", NULL, NULL,
            "neither with those that are none");
    path_is(&by_default, "REQUEST_URIX=/a\nREQUEST_UR=/a\nrequest_uri=/a", NULL, NULL,
            "nor with other names");
}

static void check_methods(void)
{
    static const struct {
        char variable[32];
        enum request_method want;
    } methods[] = {{"REQUEST_METHOD=GET", METHOD_GET},      {"REQUEST_METHOD=HEAD", METHOD_HEAD},
                   {"REQUEST_METHOD=POST", METHOD_OTHER},   {"REQUEST_METHOD=PUT", METHOD_OTHER},
                   {"REQUEST_METHOD=PATCH", METHOD_OTHER},  {"REQUEST_METHOD=DELETE", METHOD_OTHER},
                   {"REQUEST_METHOD=get", METHOD_OTHER},    {"REQUEST_METHOD=GETX", METHOD_OTHER},
                   {"REQUEST_METHOD=GET ", METHOD_OTHER},   {"REQUEST_METHOD=", METHOD_OTHER},
                   {"REQUEST_METHOD=OPTIONS", METHOD_OTHER}};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        request_read(&request, &by_default, variables(methods[i].variable));
        cmp_ok(request.method, ==, methods[i].want, "%s", methods[i].variable);
    }
}

static void check_where_the_client_is(void)
{
    request_read(
        &request, &by_default,
        variables(
            "REMOTE_ADDR=192.0.2.1\nSIGNPOST_REGION=FR\nHTTP_X_CLIENT_REGION=DE\nHTTP_X_FORWARDED_"
            "FOR=192.0.2.2\nHTTP_X_CLIENT_REGION=\nHTTP_X_CLIENT_REGION=ES\nHTTP_X_CLIENT_REGIONS="
            "IT\nHTTP_SIGNPOST_REGION=GB\nREMOTE_ADDR=192.0.2.9\nSIGNPOST_REGION=GB"));
    is(shown(request.remote_addr), "192.0.2.1", "the address");
    is(shown(request.server_region), "FR", "the region by the server's word, the first one");
    cmp_ok(request.region.count, ==, 2, "the region header's values, without the empty one");
    is(shown(request.region.value[0]), "DE", "  the first");
    is(shown(request.region.value[1]), "ES", "  the second");
    cmp_ok(request.forwarded.count, ==, 1, "the forwarding header");
    request_read(&request, &by_default, variables("REDIRECT_SIGNPOST_REGION=FR"));
    is(shown(request.server_region), "FR", "Apache renames variables after a rewrite");
    request_read(&request, &by_uri, variables("HTTP_X_CLIENT_REGION=DE\nHTTP_=x\n=x"));
    cmp_ok(request.region.count, ==, 0, "without a region header none is looked for");
}

static void check_many_values(void)
{
    char lines[20 * 32] = "";

    for (int i = 0; i < 20; i++)
        strcat(lines, i % 2 ? "HTTP_X_CLIENT_REGION=FR\n" : "HTTP_X_FORWARDED_FOR=::1\n");
    request_read(&request, &by_default, variables(lines));
    cmp_ok(request.region.count, ==, REQUEST_VALUES_MAX, "values beyond eight are passed over");
    cmp_ok(request.forwarded.count, ==, REQUEST_VALUES_MAX, "of either header");
}

static void check_header_names(void)
{
    char buffer[32];

    ok(request_variable_of_header(buffer, sizeof buffer, SLICE("X-Client-Region")), "a header");
    is(buffer, "HTTP_X_CLIENT_REGION", "  is that variable");
    ok(request_variable_of_header(buffer, sizeof buffer,
                                  SLICE("a.b c\xe9"
                                        "1")),
       "an odd one");
    is(buffer, "HTTP_A_B_C_1", "  has only letters, digits and underscores");
    ok(request_variable_of_header(buffer, 7, SLICE("x")), "it may just fit");
    ok(!request_variable_of_header(buffer, 6, SLICE("x")), "or not");
}

int main(void)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        check_target(i);
    check_lengths();
    check_bytes();
    check_paths();
    check_long_paths();
    check_no_variables();
    check_methods();
    check_where_the_client_is();
    check_many_values();
    check_header_names();
    return done_testing();
}
