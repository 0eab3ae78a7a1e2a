/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "../../fcgi/guard.h"
#include "tap.h"
#include "wire.h"

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

static void too_long(const char *name)
{
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_TOO_LONG, "%s: too long", name);
    cmp_ok(result.id, ==, 1, "%s: which request it is can be said", name);
    cmp_ok(result.length, <=, wire.len, "%s: what is to be taken is there", name);
}

static void ignores(size_t length, const char *name)
{
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_IGNORE, "%s: is ignored", name);
    cmp_ok(result.length, ==, length, "%s: to its end", name);
}

/* Every run of the same bytes that is shorter than len must leave the question open. */
static void open_up_to(size_t len, const char *name)
{
    struct guard_result result;
    size_t open = 0;
    for (size_t part = 0; part < len; part++) {
        guard_check(wire.bytes, part, &limits, &result);
        open += result.verdict == GUARD_MORE;
    }
    cmp_ok(open, ==, len, "%s: no shorter part of it is taken for all of it", name);
}

static void test_requests(void)
{
    good(1);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "a good request is one");
    cmp_ok(result.length, ==, wire.len, "its length is right");
    ok(result.keep, "the web server keeps the connection");
    ok(result.clean, "nothing comes behind it");
    ok(result.plain, "libfcgi can read it as it is");
    cmp_ok(result.variables, ==, 2, "its variables are counted");
    open_up_to(wire.len - 8, "a good request");
    for (size_t missing = 1; missing <= 8; missing++) {
        guard_check(wire.bytes, wire.len - missing, &limits, &result);
        if (result.verdict != GUARD_REQUEST || result.clean || result.length != wire.len - 8)
            fail("it is a request without the last %zu bytes", missing);
    }
    ok(true, "it is one when its variables are complete");

    good(0);
    ok(!check().keep, "without the flag the connection is not kept");

    size_t len = wire.len;
    wire_add("more", 4);
    cmp_ok(check().length, ==, len, "bytes behind a request do not belong to it");

    good(1);
    wire_add(wire.bytes, wire.len);
    ok(check().again, "the same number once more is seen");
    good(1);
    len = wire.len;
    wire_add(wire.bytes, len);
    wire.bytes[len + 3] = 3;
    result = check();
    ok(!result.again && result.other_count == 0, "another number behind it is the next request");

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
    size_t len = wire.len;
    record(STDIN, 1, "body", 4, 4);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "a request with a body is one");
    cmp_ok(result.length, ==, len, "its length ends with its variables");
    ok(!result.clean, "more comes behind it");
    wire.len = len;
    open_up_to(len, "a request with a body");
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "its body need not have come");

    begin(1, 1);
    params_of(PAIRS);
    record(PARAMS, 1, "", 0, 8);
    record(STDIN, 1, "", 0, 0);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "padding behind the last PARAMS record is good");
    ok(!result.plain, "but libfcgi stumbles over it");

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
    wire.bytes[19] = 0;
    closes("a management record inside", "PARAMS of request 0");

    wire_start();
    record(6, 1, "", 0, 0);
    closes("has not begun", "STDOUT, which only a responder sends");
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
    record(DATA, 1, "", 0, 0);
    closes("among the variables", "DATA inside PARAMS");
    begin(1, 1);
    record(BEGIN, 1, "\0\1\1\0\0\0\0\0", 8, 0);
    closes("among the variables", "BEGIN_REQUEST twice");
    begin(1, 1);
    params_of(PAIRS);
    record(GET_VALUES, 0, "", 0, 0);
    closes("a management record inside", "a management record inside a request");
}

/* Spec 3.3: what belongs to no request under way. */
static void test_ignored(void)
{
    static char body[65535];
    wire_start();
    params_of(PAIRS);
    ignores(wire.len, "PARAMS of no request");
    wire_start();
    record(DATA, 1, "", 0, 3);
    ignores(wire.len, "DATA of no request");
    wire_start();
    record(ABORT, 7, "", 0, 0);
    ignores(wire.len, "an abort that comes too late");
    wire_start();
    record(STDIN, 7, body, sizeof body, 255);
    ignores(wire.len, "a body's record of any length");
    wire.len = 8;
    ignores(8 + sizeof body + 255, "and by its header alone");
    wire.len = 7;
    cmp_ok(check().verdict, ==, GUARD_MORE, "not by a part of that");
}

/* One request begins inside another. */
static void test_interleaved(void)
{
    begin(1, 1);
    record(BEGIN, 2, "\0\1\1\0\0\0\0\0", 8, 0);
    struct guard_result result = check();
    cmp_ok(result.verdict, ==, GUARD_MORE, "two requests at once: the first goes on");
    cmp_ok(result.other_count, ==, 1, "the second is to be refused");
    cmp_ok(result.others[0], ==, 2, "by its number");
    record(PARAMS, 2, PAIRS, sizeof PAIRS - 1, 0);
    params("\x01\x01"
           "ab",
           4);
    record(BEGIN, 700, "\0\1\1\0\0\0\0\0", 8, 3);
    record(STDIN, 2, "", 0, 0);
    record(PARAMS, 1, PAIRS, sizeof PAIRS - 1, 5);
    record(PARAMS, 1, "", 0, 8);
    size_t len = wire.len;
    record(PARAMS, 700, "", 0, 0);
    result = check();
    cmp_ok(result.verdict, ==, GUARD_REQUEST, "the first is a request when it is complete");
    cmp_ok(result.length, ==, len, "up to the end of its variables");
    cmp_ok(result.variables, ==, 3, "which are its own");
    ok(!result.plain, "it has to be copied");
    cmp_ok(result.other_count, ==, 2, "both others are to be refused");
    cmp_ok(result.others[1], ==, 700, "each by its number");
    wire.len = guard_copy(wire.bytes, &result);
    cmp_ok(wire.len, ==, 16 + 8 + 4 + 8 + sizeof PAIRS - 1 + 8, "the copy is its records alone");
    result = check();
    ok(result.verdict == GUARD_REQUEST && result.plain && result.variables == 3 &&
           result.length == wire.len && result.other_count == 0,
       "and a plain request");

    good(0);
    record(BEGIN, 2, "\0\1\1\0\0\0\0\0", 8, 0);
    record(PARAMS, 2, PAIRS, sizeof PAIRS - 1, 0);
    record(BEGIN, 3, "\0\1\1\0\0\0\0\0", 8, 0);
    result = check();
    cmp_ok(result.other_count, ==, 2, "behind a last request none can be taken");

    begin(1, 1);
    for (int id = 2; id < 2 + GUARD_OTHERS_MAX; id++)
        record(BEGIN, id, "\0\1\1\0\0\0\0\0", 8, 0);
    cmp_ok(check().other_count, ==, GUARD_OTHERS_MAX, "there may be many others");
    record(BEGIN, 1000, "\0\1\1\0\0\0\0\0", 8, 0);
    closes("too many requests", "but not any number");
}

/* A body goes only to those of whom it is known that they have not asked with HEAD. */
static void test_methods(void)
{
    static char big[40000];
    begin(1, 1);
    params_of(PAIRS);
    ok(check().wants_body, "GET: a refusal may have a body");
    begin(1, 1);
    params_of("\x0e\x04REQUEST_METHODHEAD");
    ok(!check().wants_body, "HEAD: it may not");
    begin(1, 1);
    params_of("\x0e\x04REQUEST_METHODHEAD\x0e\x03REQUEST_METHODGET");
    ok(!check().wants_body, "the first one counts");
    begin(1, 1);
    params_of("\x0e\x05REQUEST_METHODHEADS");
    ok(check().wants_body, "HEADS is not HEAD");
    begin(1, 1);
    params_of("\x01\x20xyy\x0e\x03REQUEST_METHODGET");
    ok(!check().wants_body, "what looks like it inside of a value does not count");
    begin(1, 1);
    params_of("\x0e\x04REQUEST_METHODHE");
    params_of("AD");
    ok(!check().wants_body, "a method that is cut is not known");
    memcpy(big, PAIRS, sizeof PAIRS - 1);
    begin(1, 1);
    params(big, sizeof big);
    too_long("a record over the limit");
    ok(check().wants_body, "whose method is known");
}

static void test_lengths(void)
{
    static char big[65535];
    begin(1, 1);
    params_of("\xff\xff\xff\xfe\x01");
    too_long("a name of 2^31 - 2 bytes, which libfcgi dies of");
    begin(1, 1);
    params_of("\x01\xff\xff\xff\xff");
    too_long("a value of 2^31 - 1 bytes");
    begin(1, 1);
    params_of("\xff\xff\xff\xff\xff\xff\xff\xff");
    too_long("both at once");
    begin(1, 1);
    params(big, sizeof big);
    too_long("a record longer than the limit");

    static const struct guard_limits larger = {.header_bytes = 100000, .max_connections = 1};
    struct guard_result result;
    begin(1, 1);
    params("\1\200\1\20\0n", 6);
    guard_check(wire.bytes, wire.len, &larger, &result);
    cmp_ok(result.verdict, ==, GUARD_MORE, "a variable of 69632 bytes, of which some have come");
    guard_check(wire.bytes, wire.len, &limits, &result);
    cmp_ok(result.verdict, ==, GUARD_TOO_LONG, "is too long elsewhere");
    wire_start();
    record(GET_VALUES, 0, big, sizeof big, 0);
    closes("over the length limit", "a management record longer than the limit");
    begin(1, 1);
    wire.len += 8;
    memcpy(wire.bytes + 16, "\1\4\0\1\xff\xff\0\0", 8);
    too_long("and already by its header");

    begin(1, 1);
    while (wire.len + 8 + sizeof PAIRS - 1 <= HEADER_BYTES)
        params_of(PAIRS);
    params_of(PAIRS);
    too_long("too many short records");

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
    too_long("and one a little longer");
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
    open_up_to(wire.len, "FCGI_GET_VALUES");
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
        open_up_to(result.length - (result.clean ? 8 : 0), servers[i / 2]);
    }
}

int main(void)
{
    test_requests();
    test_bodies();
    test_cuts();
    test_malformed();
    test_ignored();
    test_interleaved();
    test_methods();
    test_lengths();
    test_values();
    test_replies();
    test_recorded();
    return done_testing();
}
