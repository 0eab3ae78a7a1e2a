/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of access logs, as web servers write them, and lines as they should not be. */
#include "cmd/replay/log_line.h"

#include <stdlib.h>
#include "tap.h"

static const struct {
    int line;
    const char *text;
    enum log_reading reading;
    const char *address, *method, *target;
    uint64_t bytes;
    const char *last; /* of the quoted strings */
} samples[] = {
    /* nginx, Apache and lighttpd: combined */
    {__LINE__,
     "192.0.2.7 - - [23/Nov/2026:20:00:00 +0000] \"GET /v2/a/manifests/b HTTP/1.1\" 307 95 \"-\" "
     "\"containerd/1.7\"",
     LOG_REQUEST, "192.0.2.7", "GET", "/v2/a/manifests/b", 95, "containerd/1.7"},
    {__LINE__,
     "2001:db8::1 - al ice [23/Nov/2026:20:00:00 +0000] \"HEAD /v2/ HTTP/2.0\" 200 - \"-\" \"a\"",
     LOG_REQUEST, "2001:db8::1", "HEAD", "/v2/", 0, "a"},
    {__LINE__, "192.0.2.7 r.example.org - [-] \"GET /v2/?a=b HTTP/1.1\" 200 12 \"-\" \"x\" \"FR\"",
     LOG_REQUEST, "192.0.2.7", "GET", "/v2/?a=b", 12, "FR"},
    /* common, and Debian's vhost_combined */
    {__LINE__, "192.0.2.7 - - [x] \"GET /v2/ HTTP/1.0\" 200 7", LOG_REQUEST, "192.0.2.7", "GET",
     "/v2/", 7, "GET /v2/ HTTP/1.0"},
    {__LINE__, "r.example.org:443 192.0.2.7 - - [x] \"GET /v2/ HTTP/1.0\" 200 7 \"-\" \"y\"",
     LOG_REQUEST, "192.0.2.7", "GET", "/v2/", 7, "y"},
    /* escapes, which may hold quotes, and targets with spaces */
    {__LINE__, "h - - [x] \"GET /a\\x22\\\"\\\\\\x0A\\tb HTTP/1.1\" 404 1 \"-\" \"q\\\"r\"",
     LOG_REQUEST, "h", "GET", "/a\"\"\\\n\tb", 1, "q\"r"},
    {__LINE__, "h - - [x] \"GET /a b c HTTP/1.1\" 404 1", LOG_REQUEST, "h", "GET", "/a b c", 1,
     NULL},
    {__LINE__, "h - - [x] \"GET /\\x4 HTTP/1.1\" 404 1", LOG_REQUEST, "h", "GET", "/x4", 1, NULL},
    {__LINE__, "h - - [x] \"GET / HTTP/1.1\" 200 18446744073709551615999 \"-\"", LOG_REQUEST, "h",
     "GET", "/", 0, "-"},
    {__LINE__, "h - - [x] \"GET / HTTP/1.1\" 200 12 \"-\" \"never closed", LOG_REQUEST, "h", "GET",
     "/", 12, "-"},
    /* signpost's own, plain and JSON, from a file and from syslog */
    {__LINE__,
     "time=2026-11-23T20:15:00.123Z status=307 class=manifest-tag method=GET "
     "path=/v2/a/manifests/b?x=%22 name=a target=eu place=FR rule=5 took=0.000002310 "
     "reason=\"nearest = eu: taken\"",
     LOG_REQUEST, "", "GET", "/v2/a/manifests/b?x=%22", 0, NULL},
    {__LINE__,
     "Nov 23 20:15:00 host signpost.fcgi[7]: time=2026-11-23T20:15:00.123Z status=200 class=ping "
     "method=HEAD path=/v2/ name=- target=- place=- rule=- took=0.1 reason=\"-\" "
     "client=192.0.2.0/24",
     LOG_REQUEST, "192.0.2.0", "HEAD", "/v2/", 0, NULL},
    {__LINE__,
     "{\"time\":\"2026-11-23T20:15:00.123Z\",\"status\":307,\"class\":\"blob\",\"method\":\"GET\","
     "\"path\":\"/v2/a/blobs/b\",\"name\":\"a\",\"target\":\"eu\",\"place\":\"FR\",\"rule\":5,"
     "\"took\":0.1,\"reason\":\"x\",\"client\":\"192.0.2.0/24\"}",
     LOG_REQUEST, "192.0.2.0", "GET", "/v2/a/blobs/b", 0, NULL},
    {__LINE__, "time=2026-11-23T20:15:00.123Z status=307 method=GET", LOG_UNREADABLE, NULL, NULL,
     NULL, 0, NULL},
    /* lines of what was no request */
    {__LINE__, "h - - [x] \"-\" 400 0 \"-\" \"-\"", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"\" 400 0", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"\\x16\\x03\\x01\" 400 0", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"GET /\" 400 0", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"GET  HTTP/1.1\" 400 0", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \" / HTTP/1.1\" 400 0", LOG_NO_REQUEST, NULL, NULL, NULL, 0, NULL},
    /* lines of something else */
    {__LINE__, "", LOG_UNREADABLE, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "2026/11/23 20:00:00 [error] 1#1: open() failed", LOG_UNREADABLE, NULL, NULL, NULL,
     0, NULL},
    {__LINE__, "h - - [x", LOG_UNREADABLE, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"GET / HTTP/1.1", LOG_UNREADABLE, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "h - - [x] \"GET / HTTP/1.1\\", LOG_UNREADABLE, NULL, NULL, NULL, 0, NULL},
    {__LINE__, "[x] \"GET / HTTP/1.1\" 200 1", LOG_UNREADABLE, NULL, NULL, NULL, 0, NULL},
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static bool equal(struct slice s, const char *want)
{
    return slice_equal(s, slice_of(want));
}

int main(void)
{
    plan(SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = strlen(samples[i].text);
        char *text = malloc(len ? len : 1); /* exactly as long, for the sanitizers */
        struct log_line line;

        memcpy(text, samples[i].text, len);
        enum log_reading reading = log_line_read(&line, text, len);
        bool good = reading == samples[i].reading;
        if (good && reading == LOG_REQUEST)
            good = equal(line.address, samples[i].address) &&
                   equal(line.method, samples[i].method) && equal(line.target, samples[i].target) &&
                   line.bytes == samples[i].bytes &&
                   (!samples[i].last || equal(line.quoted[line.quoted_count - 1], samples[i].last));
        ok(good, "line %d: %.50s", samples[i].line, samples[i].text);
        free(text);
    }
    return done_testing();
}
