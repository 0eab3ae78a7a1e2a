/* SPDX-License-Identifier: Apache-2.0 */
/* Private addresses, what asks whether content has changed, and what is kept of that. */
#include "config.h"
#include "../tap.h"

#ifndef HAVE_REGISTRY
int main(void)
{
    puts("1..0 # SKIP built without libcurl, jansson or libcrypto");
    return 0;
}
#else

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/instant.h"
#include "prober/index_seen.h"
#include "registry/http.h"
#include "registry/private.h"

static const char *const private[] = {
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.168.1.1",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "::2",
    "::10.0.0.1",
    "64:ff9b:1::1.1.1.1",
    "2002:a00:1::1",
    "2002:7f00:1::",
};

static const char *const public[] = {
    "1.1.1.1",          "9.255.255.255",
    "11.0.0.0",         "100.63.255.255",
    "100.128.0.0",      "126.1.1.1",
    "169.253.1.1",      "172.15.255.255",
    "172.32.0.0",       "192.0.1.0",
    "192.167.1.1",      "192.169.1.1",
    "198.17.255.255",   "198.20.0.0",
    "203.0.113.1",      "223.1.1.1",
    "2001:db8::1",      "fbff::1",
    "fe7f::1",          "::1.1.1.1",
    "2002:101:101::1",  "64:ff9c::1",
    "2606::1",          "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1", "",
    "localhost",
};

static void test_private(void)
{
    for (size_t i = 0; i < sizeof private / sizeof *private; i++)
        ok(private_is_text(private[i]), "%s is private", private[i]);
    for (size_t i = 0; i < sizeof public / sizeof *public; i++)
        ok(!private_is_text(public[i]), "\"%s\" is not", public[i]);
}

static void test_public_only(void)
{
    struct http *http = http_new();
    struct http_response *response = calloc(1, sizeof *response);
    struct http_request request = {.url = "http://127.0.0.1:1/", .public_only = true};
    struct why why;

    ok(!http_ask(http, &request, response, &why) && strstr(why.text, "a private address"),
       "a private address is not connected to");
    request.url = "http://[::1]:1/";
    ok(!http_ask(http, &request, response, &why) && strstr(why.text, "a private address"),
       "nor one of IPv6");
    request.public_only = false;
    ok(!http_ask(http, &request, response, &why) && !strstr(why.text, "private"),
       "unless it may be");
    free(response);
    http_free(http);
}

static void test_limit(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct http *http = http_new();
    struct http_response *response = calloc(1, sizeof *response);
    struct http_request request = {.ends_ms = instant_now().steady_ms + 50};
    struct why why;
    char url[64];

    if (bind(silent, (struct sockaddr *)&address, len) < 0 || listen(silent, 1) < 0 ||
        getsockname(silent, (struct sockaddr *)&address, &len) < 0)
        abort();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    request.url = url;
    ok(!http_ask(http, &request, response, &why) && strstr(why.text, "Timeout"),
       "what does not answer is given up");
    ok(instant_now().steady_ms >= request.ends_ms &&
           instant_now().steady_ms - request.ends_ms < 9000,
       "at the time that was set");
    ok(!http_ask(http, &request, response, &why), "which may be over");
    close(silent);
    free(response);
    http_free(http);
}

#define DATE "Date: Sun, 29 Nov 2026 01:00:00 GMT\r\n"

static const struct {
    const char *what, *head, *line;
} validators[] = {
    {"a tag", "ETag: \"a\"\r\n", "If-None-Match: \"a\""},
    {"a weak one", "etag: W/\"a\"\r\n", "If-None-Match: W/\"a\""},
    {"a tag of old content", DATE "Last-Modified: Sun, 29 Nov 2026 00:59:00 GMT\r\nETag: \"a\"\r\n",
     "If-None-Match: \"a\""},
    {"a tag of young content",
     DATE "Last-Modified: Sun, 29 Nov 2026 00:59:01 GMT\r\nETag: \"a\"\r\n", ""},
    {"a tag of content of an unknown age",
     "Last-Modified: Sun, 29 Nov 2026 00:59:01 GMT\r\nETag: \"a\"\r\n", ""},
    {"a date", DATE "Last-Modified: Sun, 29 Nov 2026 00:59:00 GMT\r\n",
     "If-Modified-Since: Sun, 29 Nov 2026 00:59:00 GMT"},
    {"a date that is none", DATE "Last-Modified: yesterday\r\n", ""},
    {"neither", DATE, ""},
    {"a tag that cannot be sent", "ETag: \"a\tb\"\r\n", ""},
};

static void test_validators(void)
{
    struct http_response *response = calloc(1, sizeof *response);
    char line[HTTP_VALIDATOR_SIZE], large[600];

    for (size_t i = 0; i < sizeof validators / sizeof *validators; i++) {
        response->head = slice_of(validators[i].head);
        http_validator(response, line);
        is(line, validators[i].line, "%s", validators[i].what);
    }
    snprintf(large, sizeof large, "ETag: \"%0500d\"\r\n", 1);
    response->head = slice_of(large);
    http_validator(response, line);
    is(line, "", "a tag that is too long");
    free(response);
}

static void test_seen(void)
{
    static const char *const urls[] = {"https://a/", "https://b/", "oci://c/d:e"};
    static const struct index_seen all[] = {
        {"0123456789abcdef", 1795901400, "If-None-Match: \"a b\"", {"https://a/ is bad.\tReally."}},
        {"", 0, "", {""}},
        {"fedcba9876543210", 2, "sha256:1", {""}},
    };
    char folder[] = "/tmp/signpost-seen-XXXXXX";
    struct index_seen seen;
    int fd = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY) : -1;

    index_seen_read(&seen, fd, urls[0]);
    is(seen.validator, "", "nothing is known at first");
    index_seen_write(all, urls, 3, fd);
    index_seen_read(&seen, fd, urls[0]);
    ok(strcmp(seen.circumstances, all[0].circumstances) == 0 && seen.since_s == 1795901400 &&
           strcmp(seen.validator, all[0].validator) == 0 &&
           strcmp(seen.reason.text, all[0].reason.text) == 0,
       "what is written is read");
    index_seen_read(&seen, fd, urls[1]);
    is(seen.validator, "", "nothing of what had no validator");
    index_seen_read(&seen, fd, urls[2]);
    ok(strcmp(seen.validator, "sha256:1") == 0 && !seen.reason.text[0], "the last");
    int torn = openat(fd, INDEX_SEEN, O_WRONLY | O_TRUNC);
    ok(write(torn, "https://a/\t0123\t12", 17) == 17, "a file that was cut short");
    close(torn);
    index_seen_read(&seen, fd, urls[0]);
    ok(!seen.validator[0] && !seen.circumstances[0], "is as none");
    unlinkat(fd, INDEX_SEEN, 0);
    close(fd);
    rmdir(folder);
}

int main(void)
{
    test_private();
    test_public_only();
    test_limit();
    test_validators();
    test_seen();
    return done_testing();
}
#endif
