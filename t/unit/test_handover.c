/* SPDX-License-Identifier: Apache-2.0 */
/* The real libfcgi, on one end of a pair of sockets. */
#include "config.h"
#include "../../fcgi/handover.h"
#include "descriptors.h"
#include "tap.h"
#include "wire.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int server, client, first_free;
static struct handover handover;
static struct answer answer;

static void connect_both(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        exit(99);
    server = pair[0];
    client = pair[1];
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void close_both(void)
{
    close(client);
    if (is_open(server))
        close(server);
}

static void send_wire(void)
{
    if (send(client, wire.bytes, wire.len, MSG_NOSIGNAL) != (ssize_t)wire.len)
        exit(99);
}

static void set_answer(const char *text)
{
    answer.len = strlen(text);
    memcpy(answer.text, text, answer.len);
}

static const char *variable(const char *name)
{
    size_t len = strlen(name);
    for (char *const *at = handover_variables(&handover); *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return *at + len + 1;
    return NULL;
}

static unsigned char got[65536];

static ssize_t receive(void)
{
    return recv(client, got, sizeof got, MSG_DONTWAIT);
}

/* The answer "Status: 200 OK\n\n" (16 bytes), its end, and the request's end. */
static const unsigned char wanted[] =
    "\1\6\0\1\0\20\0\0Status: 200 OK\n\n\1\6\0\1\0\0\0\0\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0";

static bool got_answer(ssize_t n)
{
    return n == sizeof wanted - 1 && memcmp(got, wanted, sizeof wanted - 1) == 0;
}

static void test_kept(void)
{
    connect_both();
    set_answer("Status: 200 OK\n\n");
    int served = 0, answered = 0, whole = 0;
    for (int i = 0; i < 100; i++) {
        good(i % 2 ? KEEP : 0);
        send_wire();
        bool begun = handover_begin(&handover, server, true);
        served += begun && tap_same(variable("SCRIPT_NAME"), "/v2") &&
                  tap_same(variable("REQUEST_METHOD"), "GET");
        answered += begun && handover_answer(&handover, &answer);
        whole += got_answer(receive());
    }
    cmp_ok(served, ==, 100, "a hundred requests on one connection are read");
    cmp_ok(answered, ==, 100, "after each the connection is open, whatever the web server asked");
    cmp_ok(whole, ==, 100, "each is answered in one piece");
    errno = 0;
    ok(recv(server, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "nothing is left unread");
    close_both();
}

/* Around the 8 KB that libfcgi reads at once, where records straddle its buffer's end. */
static void test_lengths(void)
{
    int served = 0, left = 0, count = 0;
    connect_both();
    for (size_t len = 8192 - 40; len <= 8192 + 40; len++) {
        for (size_t of = 1; of <= 3; of++) {
            good_of_length(KEEP, of * 8192 + len);
            send_wire();
            count++;
            if (!handover_begin(&handover, server, true))
                break;
            served += tap_same(variable("SCRIPT_NAME"), "/v2");
            served -= !handover_answer(&handover, &answer);
            left += recv(server, got, 1, MSG_DONTWAIT) > 0;
            receive();
        }
    }
    cmp_ok(served, ==, count, "long requests are read, wherever libfcgi's buffer ends");
    cmp_ok(left, ==, 0, "and always to their end");
    close_both();
}

static void test_bodies(void)
{
    connect_both();
    begin(1, KEEP);
    params_of(PAIRS);
    params("", 0);
    record(STDIN, 1, "half of a body", 14, 0);
    send_wire();
    ok(handover_begin(&handover, server, false), "a request with a body is read before its end");
    is(variable("SCRIPT_NAME"), "/v2", "its variables are there");
    ok(handover_answer(&handover, &answer), "it is answered; the connection is open");
    ok(got_answer(receive()), "the answer is whole");
    close_both();

    connect_both();
    begin(1, KEEP);
    params_of(PAIRS);
    record(PARAMS, 1, "", 0, 8);
    record(STDIN, 1, "", 0, 0);
    send_wire();
    ok(handover_begin(&handover, server, false), "padding behind the variables does no harm");
    ok(handover_answer(&handover, &answer), "it is answered");
    ok(got_answer(receive()), "wholly");
    close_both();
}

static void test_answers(void)
{
    connect_both();
    good(KEEP);
    send_wire();
    if (ok(handover_begin(&handover, server, true), "a request is read")) {
        memset(answer.text, 'x', sizeof answer.text);
        answer.len = ANSWER_MAX;
        ok(handover_answer(&handover, &answer), "the longest answer is written");
        size_t content = 0;
        ssize_t n = receive();
        for (ssize_t at = 0; at + 8 <= n;) {
            size_t len = (size_t)got[at + 4] << 8 | got[at + 5];
            content += got[at + 1] == 6 ? len : 0;
            at += 8 + (ssize_t)len + got[at + 6];
        }
        cmp_ok(content, ==, ANSWER_MAX, "and arrives");
    }
    close_both();

    connect_both();
    good(KEEP);
    send_wire();
    ok(handover_begin(&handover, server, true), "another request is read");
    close(client);
    ok(!handover_answer(&handover, &answer), "a peer that is gone takes no answer");
    ok(!is_open(server), "libfcgi has closed the connection");
    close_both();

    int small = 1;
    connect_both();
    setsockopt(server, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    good(KEEP);
    send_wire();
    ok(handover_begin(&handover, server, true), "a peer that does not read its answers is read");
    ok(!handover_answer(&handover, &answer), "its answer fails; nothing waits for it");
    ok(!is_open(server), "libfcgi has closed the connection");
    close_both();
}

/* None of this passes the guard; but if it did, it must not serve half a request, nor wait. */
static void test_refused(void)
{
    connect_both();
    ok(!handover_begin(&handover, server, true), "without a request nothing is served");
    ok(!is_open(server), "and the connection is closed");
    close_both();

    connect_both();
    begin(1, KEEP);
    params_of(PAIRS);
    send_wire();
    ok(!handover_begin(&handover, server, true), "half a request is not served");
    ok(!is_open(server), "and its connection is closed");
    cmp_ok(receive(), ==, 0, "without a word");
    close_both();

    connect_both();
    begin(1, KEEP);
    params_of(PAIRS);
    record(STDIN, 1, "", 0, 0);
    send_wire();
    ok(!handover_begin(&handover, server, false), "nor is one whose variables do not end");
    ok(!is_open(server), "and its connection is closed");
    cmp_ok(receive(), ==, 0, "without a word");
    close_both();

    connect_both();
    good(KEEP);
    wire.len -= 8;
    send_wire();
    ok(!handover_begin(&handover, server, true), "nor one whose input does not end as promised");
    ok(!is_open(server), "and its connection is closed");
    close_both();
}

/* The request on a socket of its own, and what waits on the connection left there. */
static void test_copies(void)
{
    int open_before = descriptors_open();

    connect_both();
    begin(1, KEEP);
    params_of(PAIRS);
    params("", 0);
    size_t len = wire.len;
    record(STDIN, 1, "body", 4, 0);
    send_wire();
    ok(handover_begin_copy(&handover, server, wire.bytes, len), "a copy of a request is read");
    is(variable("SCRIPT_NAME"), "/v2", "its variables are there");
    ok(handover_answer(&handover, &answer), "it is answered; the connection is open");
    ok(got_answer(receive()), "on the connection, wholly");
    cmp_ok(recv(server, got, sizeof got, MSG_DONTWAIT), ==, wire.len, "where nothing was read");
    good_of_length(KEEP, 32768);
    ok(handover_begin_copy(&handover, server, wire.bytes, wire.len - 8), "a long one is read, too");
    handover_drop(&handover);
    ok(!is_open(server), "and dropped: the connection is closed");
    close_both();

    connect_both();
    good(KEEP);
    ok(!handover_begin_copy(&handover, server, wire.bytes, wire.len / 2), "half of one is not");
    ok(!is_open(server), "and its connection is closed");
    cmp_ok(receive(), ==, 0, "without a word");
    close_both();

    struct rlimit before, limit;
    connect_both();
    good(KEEP);
    int lowest = fcntl(client, F_DUPFD_CLOEXEC, 0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    limit = (struct rlimit){(rlim_t)lowest, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    ok(!handover_begin_copy(&handover, server, wire.bytes, wire.len),
       "nor one without descriptors");
    setrlimit(RLIMIT_NOFILE, &before);
    ok(!is_open(server), "its connection is closed, too");
    close_both();
    cmp_ok(descriptors_open(), ==, open_before, "no descriptor is left open");
}

static void test_drop(void)
{
    connect_both();
    good(KEEP);
    send_wire();
    ok(handover_begin(&handover, server, true), "a request is read");
    handover_drop(&handover);
    ok(!is_open(server), "and dropped: its connection is closed");
    cmp_ok(receive(), ==, 0, "without a word");
    close_both();
}

/* As parked requests will be. */
static void test_two_at_once(void)
{
    struct handover other;
    connect_both();
    int first_server = server, first_client = client;
    good(KEEP);
    send_wire();
    ok(handover_begin(&handover, server, true), "one request is read");
    connect_both();
    good(KEEP);
    send_wire();
    set_answer("Status: 200 OK\n\n");
    ok(handover_begin(&other, server, true), "and another on another connection");
    ok(handover_answer(&other, &answer), "which is answered first");
    ok(got_answer(receive()), "wholly");
    close_both();
    server = first_server;
    client = first_client;
    is(variable("SCRIPT_NAME"), "/v2", "the first one's variables are still there");
    ok(handover_answer(&handover, &answer), "it is answered later");
    ok(got_answer(receive()), "wholly");
    close_both();
}

static void test_signals(void)
{
    struct sigaction now;
    sigaction(SIGTERM, NULL, &now);
    ok(now.sa_handler == SIG_DFL, "libfcgi has not kept SIGTERM");
    sigaction(SIGUSR1, NULL, &now);
    ok(now.sa_handler == SIG_DFL, "nor SIGUSR1");
    sigaction(SIGPIPE, NULL, &now);
    ok(now.sa_handler == SIG_IGN, "SIGPIPE is ignored");
}

int main(void)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    first_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(first_free);
    cmp_ok(handover_init(), ==, 0, "libfcgi starts");
    set_answer("Status: 200 OK\n\n");
    test_signals();
    test_kept();
    test_lengths();
    test_bodies();
    test_answers();
    set_answer("Status: 200 OK\n\n");
    test_refused();
    test_copies();
    test_drop();
    test_two_at_once();
    clock_gettime(CLOCK_MONOTONIC, &end);
    cmp_ok(end.tv_sec - start.tv_sec, <, 2, "nothing waited for a peer");
    return done_testing();
}
