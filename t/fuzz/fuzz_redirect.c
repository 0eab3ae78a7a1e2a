/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's rule which redirects are followed, beside libcurl's own reading of URLs: what
 * is let through must lead libcurl to a configured host and port, encrypted if it was before.
 * The first byte chooses where the redirect comes from, the rest is its Location.
 */
#include "config.h"
#include "input.h"

#ifndef HAVE_REGISTRY
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include <curl/curl.h>
#include "config/configuration.h"
#include "prober/probe.h"
#include "registry/http.h"

static const char layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\"; upstreams = {"
    "eu = { url = \"https://eu.example.org\"; }; us = { url = \"http://us.example.org:5000/x\"; };"
    "six = { url = \"http://[2001:db8::1]:8080\"; }; four = { url = \"https://192.0.2.1\"; }; };"
    "redirect_hosts = [ \"Storage.example.org\", \"*.blobs.example.org\", \"odd.example.org:8443\" "
    "];";

/* Where these lead, as libcurl says it: host and port. */
static const struct {
    const char *host;
    const char *https_port, *http_port; /* NULL: not by this scheme */
} places[] = {
    {"eu.example.org", "443", "80"},      {"us.example.org", "5000", "5000"},
    {"[2001:db8::1]", "8080", "8080"},    {"192.0.2.1", "443", "80"},
    {"storage.example.org", "443", "80"}, {"odd.example.org", "8443", "8443"},
};

static const char *const from[] = {"https://eu.example.org/v2/app/blobs/x",
                                   "http://us.example.org:5000/x/v2/app/blobs/x",
                                   "http://[2001:db8::1]:8080/v2/app/blobs/x?a=b"};

static const struct config *config;

struct parts {
    char *scheme, *host, *port, *user;
};

static void free_parts(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->user);
}

/* As CURLOPT_URL is read. False: libcurl does not take it. */
static bool read_parts(struct parts *parts, const char *url)
{
    CURLU *parsed = curl_url();
    unsigned how = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME;

    *parts = (struct parts){NULL, NULL, NULL, NULL};
    must(parsed, "there is memory");
    bool taken =
        curl_url_set(parsed, CURLUPART_URL, url, how) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (taken)
        curl_url_get(parsed, CURLUPART_USER, &parts->user, 0);
    curl_url_cleanup(parsed);
    return taken;
}

static bool is_known(const struct parts *parts)
{
    static const char domain[] = ".blobs.example.org";
    size_t len = strlen(parts->host), tail = sizeof domain - 1;
    bool tls = strcasecmp(parts->scheme, "https") == 0;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcasecmp(parts->host, places[i].host) == 0 &&
            strcmp(parts->port, tls ? places[i].https_port : places[i].http_port) == 0)
            return true;
    return len > tail && strcasecmp(parts->host + len - tail, domain) == 0 &&
           strcmp(parts->port, tls ? "443" : "80") == 0;
}

static void check(const char *origin, const char *url)
{
    bool may = probe_may_follow(config, origin, url);
    bool was_tls = strncmp(origin, "https://", 8) == 0;
    struct parts parts;

    if (may && read_parts(&parts, url)) {
        must(is_known(&parts), "libcurl goes to a configured host");
        must(strcmp(parts.scheme, "https") == 0 || (!was_tls && strcmp(parts.scheme, "http") == 0),
             "by HTTP, and encrypted if it was");
        must(!parts.user, "as nobody");
        free_parts(&parts);
    } else if (may) {
        free_parts(&parts);
    }
}

/* A URL's own host and port are another's only if libcurl says so, too. */
static void check_same_host(const char *origin, const char *url)
{
    struct parts a, b;

    if (http_same_host(origin, url) && read_parts(&a, origin)) {
        if (read_parts(&b, url))
            must(strcasecmp(a.host, b.host) == 0 && strcmp(a.port, b.port) == 0,
                 "the same host is the same");
        free_parts(&b);
        free_parts(&a);
    }
}

/* What libcurl makes of a Location, as it tells it to the prober. */
static char *resolve(const char *origin, const char *location)
{
    CURLU *parsed = curl_url();
    char *url = NULL;

    must(parsed && curl_url_set(parsed, CURLUPART_URL, origin, 0) == CURLUE_OK, "there is memory");
    if (curl_url_set(parsed, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_ALLOW_SPACE) ==
        CURLUE_OK)
        curl_url_get(parsed, CURLUPART_URL, &url, 0);
    curl_url_cleanup(parsed);
    return url;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size < 8192 ? size : 8192};
    const char *origin = from[take_below(&input, sizeof from / sizeof *from)];
    char *location = take_text(&input);
    struct problems problems = {0};

    if (!config)
        config = config_parse(layout, &problems);
    must(config, "a configuration of the target's own is taken");
    check(origin, location);
    check_same_host(origin, location);
    char *url = resolve(origin, location);
    if (url) {
        check(origin, url);
        check_same_host(origin, url);
    }
    curl_free(url);
    free(location);
    return 0;
}
#endif
