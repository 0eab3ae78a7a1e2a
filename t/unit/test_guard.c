/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "tap.h"
#include "wire.h"
#include "../../fcgi/guard.h"

enum { HEADER_BYTES = 32768 };

static const struct guard_limits limits = {.header_bytes = HEADER_BYTES, .max_connections = 1024};

static struct guard_result check(void)
{
    struct guard_result result;
    guard_check(wire.bytes, wire.len, &limits, &result);
    return result;
}

static void closes(const char *why, const char *name)
{
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_CLOSE, "%s: the connection is closed", name);
    like(result.why, why, "%s: and it is said why", name);
}

/* Every shorter run of the same bytes must leave the question open. */
static void whole_only_when_whole(const char *name)
{
    struct guard_result result;
    size_t open = 0;
    for (size_t len = 0; len < wire.len; len++) {
        guard_check(wire.bytes, len, &limits, &result);
        open += result.verdict == GUARD_MORE;
    }
    cmp_ok(open, ==, wire.len, "%s: no shorter part of it is taken for all of it", name);
}

static void test_requests(void)
{
    good(1);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "a good request is one");
    cmp_ok(result.length, ==, wire.len, "its length is right");
    ok(result.keep, "the web server keeps the connection");
    ok(result.clean, "nothing comes behind it");
    cmp_ok(result.variables, ==, 2, "its variables are counted");
    whole_only_when_whole("a good request");

    good(0);
    ok(!check().keep, "without the flag the connection is not kept");

    size_t len = wire.len;
    wire_add("more", 4);
    cmp_ok(check().length, ==, len, "bytes behind a request do not belong to it");

    begin(1, 1);
    params("", 0);
    record(STDIN, 1, "", 0, 0);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "a request may have no variables");
    cmp_ok(result.variables, ==, 0, "which are none");
}

static void test_bodies(void)
{
    begin(1, 1);
    params_of(PAIRS);
    params("", 0);
    size_t len = wire.len + 8;
    record(STDIN, 1, "body", 4, 4);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "a request with a body is one");
    cmp_ok(result.length, ==, len, "its length ends with the first STDIN header");
    ok(!result.clean, "more comes behind it");
    wire.len = len;
    whole_only_when_whole("a request with a body");

    begin(1, 1);
    params_of(PAIRS);
    record(PARAMS, 1, "", 0, 8);
    record(STDIN, 1, "", 0, 0);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "padding behind the last PARAMS record is good");
    ok(!result.clean, "but libfcgi stumbles over it");

    begin(1, 1);
    params_of(PAIRS);
    params("", 0);
    record(STDIN, 1, "", 0, 8);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "padding behind the STDIN record is good");
    ok(!result.clean, "but it need not be there yet");
}

/* The pairs cut into records of one byte, of two, and so on. */
static void test_cuts(void)
{
    static const char pairs[] = PAIRS "\x80\x00\x00\x01\x80\x00\x00\x02xyy\x01\x80\x00\x00\x00z";
    unsigned good_ones = 0;
    for (size_t size = 1; size < sizeof pairs; size++) {
        begin(1, 1);
        for (size_t at = 0; at < sizeof pairs - 1; at += size) {
            size_t left = sizeof pairs - 1 - at;
            record(PARAMS, 1, pairs + at, left < size ? left : size, (int)(at % 9));
        }
        params("", 0);
        record(STDIN, 1, "", 0, 0);
        struct guard_result result = check();
        good_ones += result.verdict == GUARD_REQUEST && result.variables == 4;
    }
    cmp_ok(good_ones, ==, sizeof pairs - 1, "variables may be cut into records anywhere");

    unsigned refused = 0, whole = 0;
    for (size_t len = 0; len < sizeof pairs; len++) {
        begin(1, 1);
        if (len)
            params(pairs, len);
        params("", 0);
        record(STDIN, 1, "", 0, 0);
        struct guard_result result = check();
        refused += result.verdict == GUARD_CLOSE;
        whole += result.verdict == GUARD_REQUEST;
    }
    cmp_ok(whole, ==, 5, "variables may end only behind a whole one");
    cmp_ok(refused, ==, sizeof pairs - 5, "and are refused otherwise");
}

static void test_malformed(void)
{
    wire_start();
    wire_add("GET / HTTP/1.1\r\n\r\n", 18);
    closes("not FastCGI", "HTTP");
    good(1);
    wire.bytes[0] = 2;
    closes("not FastCGI", "another version");
    good(1);
    wire.bytes[16] = 0;
    closes("not FastCGI", "another version inside PARAMS");
    good(1);
    wire.bytes[3] = 0;
    closes("without a request number", "BEGIN_REQUEST of request 0");
    good(1);
    wire.bytes[19] = 2;
    closes("another request's record", "PARAMS of another request");
    good(1);
    wire.bytes[19] = 0;
    closes("another request's record", "PARAMS of request 0");

    wire_start();
    params_of(PAIRS);
    closes("has not begun", "PARAMS first");
    wire_start();
    record(STDIN, 1, "", 0, 0);
    closes("has not begun", "STDIN first");
    wire_start();
    record(BEGIN, 1, "\0\1\0\0", 4, 0);
    closes("wrong size", "a short BEGIN_REQUEST");
    wire_start();
    record(BEGIN, 1, "\0\1\1\0\0\0\0\0", 8, 8);
    closes("wrong size", "padding behind BEGIN_REQUEST, which libfcgi forgets");

    begin(1, 1);
    record(STDIN, 1, "", 0, 0);
    closes("among the variables", "STDIN inside PARAMS");
    begin(1, 1);
    record(BEGIN, 1, "\0\1\1\0\0\0\0\0", 8, 0);
    closes("among the variables", "BEGIN_REQUEST twice");
    begin(1, 1);
    record(BEGIN, 2, "\0\1\1\0\0\0\0\0", 8, 0);
    closes("another request's", "two requests at once");
    begin(1, 1);
    params_of(PAIRS);
    record(GET_VALUES, 0, "", 0, 0);
    closes("another request's", "a management record inside a request");
    begin(1, 1);
    params_of(PAIRS);
    params("", 0);
    record(DATA, 1, "", 0, 0);
    closes("no FCGI_STDIN", "DATA in place of STDIN");
    begin(1, 1);
    params_of(PAIRS);
    params("", 0);
    params_of(PAIRS);
    closes("no FCGI_STDIN", "PARAMS behind their end");
}

static void test_lengths(void)
{
    static char big[65535];
    begin(1, 1);
    params_of("\xff\xff\xff\xfe\x01");
    closes("over the length limit", "a name of 2^31 - 2 bytes, which libfcgi dies of");
    begin(1, 1);
    params_of("\x01\xff\xff\xff\xff");
    closes("over the length limit", "a value of 2^31 - 1 bytes");
    begin(1, 1);
    params_of("\xff\xff\xff\xff\xff\xff\xff\xff");
    closes("over the length limit", "both at once");
    begin(1, 1);
    params(big, sizeof big);
    closes("over the length limit", "a record longer than the limit");
    begin(1, 1);
    wire.len += 8;
    memcpy(wire.bytes + 16, "\1\4\0\1\xff\xff\0\0", 8);
    closes("over the length limit", "and already by its header");

    begin(1, 1);
    while (wire.len + 8 + sizeof PAIRS - 1 <= HEADER_BYTES)
        params_of(PAIRS);
    params_of(PAIRS);
    closes("over the length limit", "too many short records");

    begin(1, 1);
    big[0] = 1, big[1] = (char)0x80, big[3] = 0x70; /* 1 byte, 0x7000 bytes */
    params(big, 6 + 1 + 0x7000 - 1);
    size_t rest = HEADER_BYTES - 16 - wire.len;
    for (; rest >= 8 + 2; rest -= 8 + 2)
        params("\0\0", 2);
    cmp_ok(rest, <, 10, "a request of nearly the limit is made");
    params("", 0);
    record(STDIN, 1, "", 0, 0);
    cmp_ok(check().verdict, ==, GUARD_REQUEST, "it passes");
    begin(1, 1);
    params(big, 6 + 1 + 0x7000 - 1);
    while (wire.len + 8 + 2 <= HEADER_BYTES)
        params("\0\0", 2);
    params("", 0);
    record(STDIN, 1, "", 0, 0);
    closes("over the length limit", "and one a little longer");
}

/* The reply as hexadecimal digits. */
static const char *hex(const struct guard_result *result)
{
    static char text[2 * GUARD_REPLY_MAX + 1];
    for (size_t i = 0; i < result->reply_len; i++)
        snprintf(text + 2 * i, 3, "%02x", result->reply[i]);
    return text;
}

static bool reply_holds(const struct guard_result *result, const char *part, size_t len)
{
    return memmem(result->reply, result->reply_len, part, len) != NULL;
}

static void test_values(void)
{
    wire_start();
    record(GET_VALUES, 0, "\x0e\0FCGI_MAX_CONNS\x0e\0FCGI_MAX_CONNS\x0f\0FCGI_MPXS_CONNS\x03\0FOO",
           16 + 16 + 17 + 5, 2);
    size_t len = wire.len;
    whole_only_when_whole("FCGI_GET_VALUES");
    wire_add("\1\1", 2);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REPLY, "FCGI_GET_VALUES is answered here");
    cmp_ok(result.length, ==, len, "its bytes are to be taken");
    ok(result.keep, "and the connection goes on");
    is(hex(&result),
       "010a00000026000"
       "0"
       "0e04464347495f4d41585f434f4e4e5331303234"
       "0f01464347495f4d5058535f434f4e4e5330",
       "a name asked for twice is answered once, an unknown one not");

    wire_start();
    record(GET_VALUES, 0, "", 0, 0);
    result = check();
    is(hex(&result), "010a000000000000", "none asked for, none given");

    wire_start();
    static char many[16 * 2000];
    for (size_t i = 0; i < 2000; i++)
        memcpy(many + 16 * i, "\x0e\0FCGI_MAX_CONNS", 16);
    record(GET_VALUES, 0, many, sizeof many, 0);
    result = check();
    cmp_ok(result.reply_len, ==, 8 + 20, "a name two thousand times, which libfcgi dies of");

    wire_start();
    record(GET_VALUES, 0,
           "\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS\x0e\0FCGI_MAX_CONNS"
           "\x0d\0FCGI_MAX_REQS",
           16 + 15 + 17 + 16 + 15, 0);
    result = check();
    ok(reply_holds(&result,
                   "\x0d\x04"
                   "FCGI_MAX_REQS1024",
                   19),
       "FCGI_MAX_REQS is told");
    ok(reply_holds(&result,
                   "\x0f\x01"
                   "FCGI_MPXS_CONNS0",
                   18),
       "FCGI_MPXS_CONNS, too");

    static const char *const bad[] = {"\x0e\0FCGI_MAX_CONN", "\x0e", "\x80\0\0", "\x01\x80\0\0",
                                      "\xff\xff\xff\xff\xff\xff\xff\xff"};
    static const size_t sizes[] = {15, 1, 3, 4, 8};
    for (int i = 0; i < 5; i++) {
        wire_start();
        record(GET_VALUES, 0, bad[i], sizes[i], 0);
        closes("do not fit", "FCGI_GET_VALUES whose pairs are cut");
    }
}

static void test_replies(void)
{
    wire_start();
    record(77, 0, "body", 4, 4);
    size_t len = wire.len;
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REPLY, "an unknown management record is answered");
    cmp_ok(result.length, ==, len, "its body is taken with it");
    is(hex(&result), "010b0000000800004d00000000000000", "with FCGI_UNKNOWN_TYPE");
    ok(result.keep, "and the connection goes on");
    wire_start();
    record(11, 0, "\1\0\0\0\0\0\0\0", 8, 0);
    closes("only a responder", "FCGI_UNKNOWN_TYPE, which two responders would send to and fro");

    for (int role = 0; role < 10; role++) {
        if (role == 1)
            continue;
        begin(role, 1);
        result = check();
        cmp_ok(result.verdict, ==, GUARD_REPLY, "role %d is answered", role);
        is(hex(&result), "01030001000800000000000003000000", "role %d: FCGI_UNKNOWN_ROLE", role);
        ok(!result.keep, "role %d: the connection ends with it", role);
    }
    begin(257, 1);
    is(hex((result = check(), &result)), "01030001000800000000000003000000", "a role of two bytes");

    begin(1, 1);
    params_of(PAIRS);
    record(ABORT, 1, "", 0, 0);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REPLY, "an aborted request is answered");
    cmp_ok(result.length, ==, wire.len, "all of it is taken");
    is(hex(&result), "01030001000800000000000000000000", "with its end");
    ok(result.keep, "and the connection goes on");
    begin(1, 0);
    record(ABORT, 1, "", 0, 0);
    ok(!check().keep, "unless it was not to be kept");
}

/* What web servers sent when they were recorded; see the fuzzer's corpus. */
static void test_recorded(void)
{
    static const char *const servers[] = {"nginx", "lighttpd", "apache", "fcgid", "caddy", "h2o"};
    const char *source = getenv("SIGNPOST_SRC");
    for (int i = 0; i < 12; i++) {
        char path[4096];
        const char *kind = i % 2 ? "post" : "get";
        snprintf(path, sizeof path, "%s/t/fuzz/corpus/guard/%s-%s", source ? source : ".",
                 servers[i / 2], kind);
        FILE *file = fopen(path, "rb");
        if (!file) {
            skip(3, "the recorded requests are not there");
            continue;
        }
        wire_start();
        wire.len = fread(wire.bytes, 1, sizeof wire.bytes, file);
        fclose(file);
        struct guard_result result = check();
        cmp_ok(result.verdict, ==, GUARD_REQUEST, "%s, %s: passes", servers[i / 2], kind);
        ok(result.clean == !(i % 2), "%s, %s: has a body or not", servers[i / 2], kind);
        wire.len = result.length;
        whole_only_when_whole(servers[i / 2]);
    }
}

int main(void)
{
    test_requests();
    test_bodies();
    test_cuts();
    test_malformed();
    test_lengths();
    test_values();
    test_replies();
    test_recorded();
    return done_testing();
}
