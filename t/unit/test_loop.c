/* SPDX-License-Identifier: Apache-2.0 */
/* The loop in this process, with clients on a socket and a clock that the tests set. */
#include "config.h"
#include "../../fcgi/handover.h"
#include "../../fcgi/listen.h"
#include "../../fcgi/loop.h"
#include "tap.h"
#include "wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct loop *loop;
static int listener;
static struct sockaddr_in address;
static struct service service;
static uint64_t clock_now;
static int answered, reloaded, ticked, noted, rested;
static char last_note[512];
static int send_buffer; /* of the loop's connections, 0: the system's */

static int accept_error; /* of the next accept4(), 0: none */

/* The loop's, in place of the system's. */
int accept4(int fd, __SOCKADDR_ARG peer, socklen_t *restrict len, int flags)
{
    errno = accept_error;
    accept_error = 0;
    return errno ? -1 : (int)syscall(SYS_accept4, fd, peer.__sockaddr__, len, flags);
}

static uint64_t test_clock(void)
{
    return clock_now;
}

static bool count_answer(void *ctx, char *const *variables, struct parked *parked,
                         struct answer *answer)
{
    (void)ctx;
    (void)variables;
    (void)parked;
    answered++;
    answer->len = (size_t)snprintf(answer->text, sizeof answer->text, "Status: 200 OK\n\n");
    return true;
}

static void count_reload(void *ctx)
{
    (void)ctx;
    reloaded++;
}

static void count_tick(void *ctx)
{
    (void)ctx;
    ticked++;
}

static void keep_note(void *ctx, const char *sentence)
{
    (void)ctx;
    noted++;
    snprintf(last_note, sizeof last_note, "%s", sentence);
}

static void must(bool holds)
{
    if (!holds) {
        perror("the test's own sockets");
        exit(99);
    }
}

static void open_loop(unsigned connections, const struct peers *peers)
{
    struct loop_limits limits = LOOP_LIMITS;
    socklen_t len = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
         listen(listener, 100) == 0 &&
         getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    must(listen_prepare(listener) == 0);
    if (send_buffer)
        setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    limits.max_connections = connections;
    service = (struct service){.answer = count_answer, .reload = count_reload, .note = keep_note};
    answered = reloaded = ticked = noted = 0;
    last_note[0] = '\0';
    clock_now = 1000000;
    loop = loop_new(listener, &service, &limits, peers, test_clock);
    must(loop != NULL);
}

static int client_open(void)
{
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    int on = 1; /* for requests in pieces */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void client_send(int fd)
{
    must(send(fd, wire.bytes, wire.len, MSG_NOSIGNAL) == (ssize_t)wire.len);
}

/* Lets the loop do all that is to be done now. Loopback delivers within the call that sends. */
static void turn(void)
{
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 0);
}

static void later(unsigned ms)
{
    clock_now += ms;
    turn();
}

enum seen { NOTHING, ANSWER, END, RESET, REFUSED, OTHER };

/* What has come to a client: an answer, whole and alone, or the end of the connection. */
static enum seen client_sees(int fd)
{
    char got[65536];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? NOTHING : RESET;
    if (n == 0)
        return END;
    if (n == 48 && memcmp(got + 8, "Status: 200 OK\n\n", 16) == 0)
        return ANSWER;
    return n > 48 && memcmp(got + 8, "Status: 4", 9) == 0 ? REFUSED : OTHER;
}

/* A request for which there is an answer of HTTP, wholly, and then the end of the connection. */
static bool is_refused(int fd, const char *status, bool with_body)
{
    unsigned char got[2000];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n < 16 + 8 + 8)
        return false;
    size_t len = (size_t)got[4] << 8 | got[5];
    const char *text = (char *)got + 8;
    bool whole = (size_t)n == 8 + len + 8 + 16 && got[1] == 6 && got[3] == 1 &&
                 got[8 + len + 1] == 6 && got[8 + len + 8 + 1] == 3 && got[8 + len + 16 + 4] == 0;
    bool right = memcmp(text, "Status: ", 8) == 0 && memcmp(text + 8, status, 3) == 0;
    bool json = memmem(text, len, "\r\n\r\n{\"errors\":[{\"code\":\"", 22) != NULL;
    bool empty = memmem(text, len, "Content-Length: 0\r\n", 19) != NULL;
    return whole && right && json == with_body && empty == !with_body;
}

static void test_requests(void)
{
    open_loop(10, NULL);
    int kept = client_open(), single = client_open(), early = client_open();
    turn();
    cmp_ok(loop_connections(loop), ==, 3, "connections are accepted");
    for (int i = 0; i < 3; i++) {
        good(KEEP);
        client_send(kept);
        turn();
        cmp_ok(client_sees(kept), ==, ANSWER, "a kept connection: request %d is answered", i);
        cmp_ok(client_sees(kept), ==, NOTHING, "and the connection stays");
    }
    good(0);
    client_send(single);
    turn();
    cmp_ok(client_sees(single), ==, ANSWER, "a connection for one request: answered");
    cmp_ok(client_sees(single), ==, END, "and closed");

    good(KEEP);
    client_send(early);
    shutdown(early, SHUT_WR);
    turn();
    cmp_ok(client_sees(early), ==, ANSWER, "a peer that has closed its side gets its answer");
    cmp_ok(client_sees(early), ==, END, "and the connection ends");
    close(kept);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "none is left when the peers are gone");
    cmp_ok(noted, ==, 0, "nothing of this is worth a note");
    close(single);
    close(early);
    loop_free(loop);
}

static void test_pieces(void)
{
    open_loop(10, NULL);
    int fd = client_open(), other = client_open();
    good(KEEP);
    struct {
        size_t len;
        unsigned char bytes[200];
    } all = {wire.len, {0}};
    memcpy(all.bytes, wire.bytes, wire.len);
    int early = 0;
    /* Not too many: TCP holds pieces back when those before are not acknowledged. */
    for (size_t i = 0; i < all.len; i += 5) {
        early += i < all.len - 8 && answered;
        wire_start();
        wire_add(all.bytes + i, i + 5 <= all.len ? 5 : all.len - i);
        client_send(fd);
        turn();
        if (i == 30) {
            good(KEEP);
            client_send(other);
            turn();
            cmp_ok(client_sees(other), ==, ANSWER, "a request in pieces holds up no other");
            answered = 0;
        }
    }
    turn();
    cmp_ok(early, ==, 0, "it is not answered before its variables are complete");
    cmp_ok(client_sees(fd), ==, ANSWER, "and is answered then");
    close(fd);
    close(other);
    loop_free(loop);
}

static void test_time_limits(void)
{
    open_loop(10, NULL);
    int silent = client_open(), half = client_open(), idle = client_open();
    good(KEEP);
    client_send(idle);
    wire.len = 3;
    client_send(half);
    turn();
    cmp_ok(client_sees(idle), ==, ANSWER, "one of three connections has had its answer");
    later(4000);
    wire_start();
    wire_add("\1", 1);
    client_send(half);
    later(999);
    cmp_ok(client_sees(silent), ==, NOTHING, "a silent connection stays for 5 s");
    cmp_ok(client_sees(half), ==, NOTHING, "so does half a request");
    later(1);
    cmp_ok(client_sees(silent), ==, END, "then the silent one is closed");
    ok(client_sees(half) != NOTHING, "and half a record's, though more of it has come meanwhile");
    like(last_note, "not the rest in time", "of which a note is made");
    later(86400 * 1000);
    cmp_ok(client_sees(idle), ==, NOTHING, "a kept connection stays for a day");
    good(KEEP);
    wire.len = 20;
    client_send(idle);
    turn();
    later(4999);
    cmp_ok(client_sees(idle), ==, NOTHING, "half a request on it has 5 s");
    later(1);
    ok(is_refused(idle, "408", false), "and then an answer");
    cmp_ok(client_sees(idle), ==, END, "and nothing more");
    like(last_note, "answered with 408", "of which a note is made");
    cmp_ok(loop_connections(loop), ==, 1, "its peer has time to close");
    later(4999);
    cmp_ok(loop_connections(loop), ==, 1, "the same 5 s");
    later(1);
    cmp_ok(loop_connections(loop), ==, 0, "none is left");
    close(silent);
    close(half);
    close(idle);
    loop_free(loop);
}

static void test_wait(void)
{
    struct timespec start, end;
    open_loop(10, NULL);
    int fd = client_open();
    turn();
    clock_now += 4990;
    turn();
    clock_gettime(CLOCK_MONOTONIC, &start);
    loop_turn(loop, -1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    cmp_ok(end.tv_sec - start.tv_sec, <, 2, "the loop wakes up for a time limit");
    close(fd);
    loop_free(loop);
}

static void test_replies(void)
{
    char got[100];
    open_loop(10, NULL);
    int fd = client_open();
    wire_start();
    record(GET_VALUES, 0, "\x0e\0FCGI_MAX_CONNS", 16, 0);
    client_send(fd);
    turn();
    cmp_ok(recv(fd, got, sizeof got, 0), ==, 26, "FCGI_GET_VALUES alone is answered at once");
    cmp_ok(memcmp(got + 8,
                  "\x0e\x02"
                  "FCGI_MAX_CONNS10",
                  18),
           ==, 0, "with our limit");
    record(GET_VALUES, 0, "", 0, 0);
    size_t len = wire.len;
    unsigned char two[200];
    memcpy(two, wire.bytes, len);
    good(KEEP);
    wire_add(wire.bytes, 0);
    memmove(wire.bytes + len, wire.bytes, wire.len);
    memcpy(wire.bytes, two, len);
    wire.len += len;
    client_send(fd);
    turn();
    cmp_ok(recv(fd, got, sizeof got, 0), ==, 26 + 8 + 48, "and together with a request behind it");
    wire_start();
    for (int i = 0; i < 40; i++)
        record(99, 0, "", 0, 0);
    client_send(fd);
    turn();
    while (recv(fd, got, sizeof got, 0) > 0)
        ;
    close(fd);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "a peer that sends nothing else is closed");

    fd = client_open();
    begin(2, KEEP);
    client_send(fd);
    turn();
    cmp_ok(recv(fd, got, sizeof got, 0), ==, 16, "an unknown role is answered");
    cmp_ok(got[12], ==, 3, "with FCGI_UNKNOWN_ROLE");
    cmp_ok(client_sees(fd), ==, END, "and nothing more");
    close(fd);
    loop_free(loop);
}

/* A request of which the body comes late, in parts or never. */
static void test_bodies(void)
{
    static char body[60000];
    open_loop(10, NULL);
    int fd = client_open();
    begin(1, 0);
    params_of(PAIRS);
    params("", 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "a request is answered without its body");
    cmp_ok(client_sees(fd), ==, END, "nothing more will come");
    for (int i = 0; i < 10; i++) {
        wire_start();
        record(STDIN, 1, body, sizeof body, 0);
        client_send(fd);
        turn();
    }
    cmp_ok(loop_connections(loop), ==, 1, "the body is taken");
    close(fd);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "until the peer closes");

    fd = client_open();
    begin(1, 0);
    params_of(PAIRS);
    params("", 0);
    record(STDIN, 1, body, 10, 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "another is answered");
    later(4999);
    int open = (int)loop_connections(loop);
    later(1);
    cmp_ok(open, ==, 1, "its peer has time to close");
    cmp_ok(loop_connections(loop), ==, 0, "but not for ever");
    close(fd);

    fd = client_open();
    good(KEEP);
    wire_add(wire.bytes, wire.len);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "of two requests of one number the first is answered");
    cmp_ok(client_sees(fd), ==, END, "and the connection ends, so that the second can be repeated");
    close(fd);
    loop_free(loop);
}

/* The same where the web server keeps the connection. */
static void test_kept_bodies(void)
{
    static char body[60000];
    open_loop(10, NULL);
    int fd = client_open();
    for (int i = 0; i < 3; i++) {
        begin(1, KEEP);
        params_of(PAIRS);
        params("", 0);
        record(STDIN, 1, body, sizeof body, 0);
        client_send(fd);
        turn();
        cmp_ok(client_sees(fd), ==, ANSWER, "kept: the answer does not wait for the body");
        wire_start();
        record(STDIN, 1, body, sizeof body, 5);
        record(STDIN, 1, "", 0, 0);
        client_send(fd);
        later(4999);
        cmp_ok(client_sees(fd), ==, NOTHING, "which is ignored when it comes");
    }
    good(KEEP);
    client_send(fd);
    later(86400 * 1000);
    cmp_ok(client_sees(fd), ==, ANSWER, "a request behind it is answered as ever");
    cmp_ok(client_sees(fd), ==, NOTHING, "and the connection kept");
    begin(1, KEEP);
    params_of(PAIRS);
    params("", 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "one more without its body");
    wire_start();
    record(STDIN, 1, body, sizeof body, 0);
    client_send(fd);
    later(4999);
    cmp_ok(client_sees(fd), ==, NOTHING, "and without a request behind it");
    later(1);
    cmp_ok(client_sees(fd), ==, END, "ends the connection in the end");
    close(fd);

    fd = client_open();
    begin(1, KEEP);
    params_of(PAIRS);
    params("", 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "a web server that multiplexes: a request is answered");
    begin(1, KEEP);
    params_of(PAIRS);
    params("", 0);
    for (size_t at = 0; at < wire.len; at += 8 + wire.bytes[at + 5])
        wire.bytes[at + 3] = 3;
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "and one of another number, whose body is missing, too");
    later(86400 * 1000);
    cmp_ok(client_sees(fd), ==, NOTHING, "and the connection stays, for others");
    close(fd);
    loop_free(loop);
}

static void test_refused(void)
{
    static char big[40000];
    open_loop(10, NULL);
    int fd = client_open();
    memcpy(big, PAIRS, sizeof PAIRS - 1);
    begin(1, 0);
    params(big, sizeof big);
    client_send(fd);
    turn();
    ok(is_refused(fd, "431", true), "too long a header is answered with 431");
    cmp_ok(client_sees(fd), ==, END, "and nothing more");
    like(last_note, "answered with 431", "of which a note is made");
    wire_start();
    for (int i = 0; i < 5; i++)
        params(big, sizeof big / 2);
    client_send(fd);
    turn();
    cmp_ok(loop_connections(loop), ==, 1, "what still comes is taken");
    close(fd);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "until its peer closes");

    fd = client_open();
    begin(1, KEEP);
    params_of("\x01\xff\xff\xff\xff");
    params("", 0);
    record(STDIN, 1, "", 0, 0);
    client_send(fd);
    turn();
    ok(is_refused(fd, "431", false), "without a body where the method is not known");
    good(KEEP);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "a kept connection goes on");
    close(fd);

    fd = client_open();
    begin(1, KEEP);
    params_of(PAIRS);
    client_send(fd);
    shutdown(fd, SHUT_WR);
    turn();
    ok(is_refused(fd, "400", true), "a request that ends in its header is answered with 400");
    cmp_ok(client_sees(fd), ==, END, "and nothing more");
    close(fd);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "none is left");
    loop_free(loop);
}

static void test_interleaved(void)
{
    unsigned char got[200];
    open_loop(10, NULL);
    int fd = client_open();
    begin(1, KEEP);
    record(BEGIN, 3, "\0\1\1\0\0\0\0\0", 8, 0);
    client_send(fd);
    turn();
    cmp_ok(recv(fd, got, sizeof got, MSG_DONTWAIT), ==, 16, "a request inside another: answered");
    ok(got[1] == 3 && got[3] == 3 && got[12] == 1, "with FCGI_CANT_MPX_CONN");
    like(last_note, "inside another one", "of which a note is made");
    wire_start();
    record(PARAMS, 3, PAIRS, sizeof PAIRS - 1, 0);
    record(PARAMS, 1, PAIRS, sizeof PAIRS - 1, 0);
    record(PARAMS, 3, "", 0, 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, NOTHING, "once");
    wire_start();
    record(PARAMS, 1, "", 0, 0);
    record(STDIN, 3, "", 0, 0);
    record(STDIN, 1, "", 0, 0);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "the first is answered when it is complete");
    good(KEEP);
    client_send(fd);
    later(2000);
    cmp_ok(client_sees(fd), ==, ANSWER, "and the connection goes on");
    close(fd);
    loop_free(loop);
}

/* More requests at once than there is room for answers in the socket. */
static void test_many_at_once(void)
{
    enum { COUNT = 2000 };
    send_buffer = 8192;
    open_loop(10, NULL);
    send_buffer = 0;
    static unsigned char got[COUNT * 48 + 1];
    int fd = client_open(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    size_t sent = 0, have = 0;
    good(KEEP);
    size_t len = wire.len;
    static unsigned char all[COUNT * 200];
    for (int i = 0; i < COUNT; i++)
        for (size_t at = 0; at < len; at += 8 + wire.bytes[at + 5]) {
            wire.bytes[at + 2] = (unsigned char)((i + 1) >> 8);
            wire.bytes[at + 3] = (unsigned char)(i + 1);
            memcpy(all + (size_t)i * len + at, wire.bytes + at, len - at);
        }
    for (time_t end = time(NULL) + 20; have < COUNT * 48 && time(NULL) < end;) {
        ssize_t n = send(fd, all + sent, COUNT * len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        turn();
        /* Not before there is no room for more. */
        n = n > 0 ? 0 : recv(fd, got + have, sizeof got - have, MSG_DONTWAIT);
        have += n > 0 ? (size_t)n : 0;
    }
    cmp_ok(have, ==, COUNT * 48, "requests without a pause are all answered");
    cmp_ok(answered, ==, COUNT, "each once");
    cmp_ok(client_sees(fd), ==, NOTHING, "and the connection stays");
    close(fd);
    loop_free(loop);
}

/* This process was stopped for a while, and much has come meanwhile. */
static void test_stopped(void)
{
    enum { COUNT = 150 };
    int fd[COUNT], good_ones = 0;
    open_loop(COUNT, NULL);
    for (int i = 0; i < COUNT; i++) {
        fd[i] = client_open();
        turn();
    }
    good(KEEP);
    for (int i = 0; i < COUNT; i++)
        client_send(fd[i]);
    later(60 * 1000);
    for (int i = 0; i < COUNT; i++) {
        good_ones += client_sees(fd[i]) == ANSWER;
        close(fd[i]);
    }
    cmp_ok(good_ones, ==, COUNT, "who has sent in time is answered, however late the loop is");
    loop_free(loop);
}

static void test_notes(void)
{
    open_loop(10, NULL);
    for (int i = 0; i < 5; i++) {
        int fd = client_open();
        wire_start();
        wire_add("GET / HTTP/1.1\r\n\r\n", 18);
        client_send(fd);
        turn();
        ok(client_sees(fd) != NOTHING, "what is not FastCGI is closed");
        close(fd);
    }
    cmp_ok(noted, ==, 1, "five such connections make one note");
    like(last_note, "not FastCGI", "which says what it was");
    later(10000);
    int fd = client_open();
    client_send(fd);
    turn();
    cmp_ok(noted, ==, 2, "another one later makes another");
    like(last_note, "4 more", "which counts those between");
    close(fd);
    loop_free(loop);
}

static void test_full(void)
{
    open_loop(2, NULL);
    int first = client_open(), second = client_open(), third = client_open();
    good(KEEP);
    client_send(first);
    client_send(second);
    client_send(third);
    turn();
    cmp_ok(answered, ==, 2, "when the table is full, others wait");
    cmp_ok(loop_connections(loop), ==, 2, "outside");
    close(first);
    turn();
    cmp_ok(client_sees(third), ==, ANSWER, "until one goes");
    int fourth = client_open();
    good(KEEP);
    client_send(fourth);
    later(999);
    cmp_ok(client_sees(fourth), ==, NOTHING, "kept connections are not closed at once for others");
    cmp_ok(client_sees(second), ==, ANSWER, "the second was answered, of course");
    later(251);
    cmp_ok(client_sees(fourth), ==, ANSWER, "but are when they have been idle for a second");
    cmp_ok(client_sees(second), ==, END, "the longest idle one first");
    cmp_ok(client_sees(third), ==, NOTHING, "and no more than needed");
    close(second);
    close(third);
    close(fourth);
    loop_free(loop);
}

/*
 * In one batch of events: a new connection takes the slot and the descriptor of
 * an idle one, for which an event waits behind it.
 */
static void test_reuse(void)
{
    open_loop(1, NULL);
    int old = client_open();
    good(KEEP);
    client_send(old);
    turn();
    cmp_ok(client_sees(old), ==, ANSWER, "an idle connection");
    clock_now += 2000;
    int new = client_open();
    wire.len = 20;
    client_send(new);
    close(old);
    turn();
    cmp_ok(client_sees(new), ==, NOTHING, "its end is not that of the one in its place");
    cmp_ok(loop_connections(loop), ==, 1, "which lives");
    good(KEEP);
    memmove(wire.bytes, wire.bytes + 20, wire.len -= 20);
    client_send(new);
    turn();
    cmp_ok(client_sees(new), ==, ANSWER, "and is answered");
    close(new);
    loop_free(loop);
}

/* No descriptor is left for the connection that waits. */
static void test_descriptors(void)
{
    struct rlimit limit, small;
    if (getenv("SIGNPOST_VALGRIND")) {
        skip(3, "valgrind closes what is accepted beyond its own limit");
        return;
    }
    open_loop(100, NULL);
    int fd = client_open();
    getrlimit(RLIMIT_NOFILE, &limit);
    small = limit;
    small.rlim_cur = (rlim_t)fd;
    setrlimit(RLIMIT_NOFILE, &small);
    good(KEEP);
    client_send(fd);
    struct timespec start, end;
    int turns = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        loop_turn(loop, 100);
        turns++;
        clock_gettime(CLOCK_MONOTONIC, &end);
        clock_now += 100;
    } while (turns < 10);
    cmp_ok(loop_connections(loop), ==, 0, "without a descriptor nobody is accepted");
    double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    ok(seconds > 0.4, "and the loop waits, not spins (10 turns in %.2f s)", seconds);
    setrlimit(RLIMIT_NOFILE, &limit);
    later(1000);
    cmp_ok(client_sees(fd), ==, ANSWER, "later the connection is served");
    close(fd);
    loop_free(loop);
}

/* Errors of the one connection that was to be accepted do not keep others waiting. */
static void test_accept_errors(void)
{
    static const int list[] = {ECONNABORTED, EINTR, EPROTO, EPERM, EMFILE, ENFILE, ENOMEM};

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        open_loop(10, NULL);
        int fd = client_open();
        good(KEEP);
        client_send(fd);
        accept_error = list[i];
        turn();
        cmp_ok(client_sees(fd), ==, i < 4 ? ANSWER : NOTHING, "%s: %s", strerror(list[i]),
               i < 4 ? "the next is accepted at once" : "it is tried again later");
        later(249);
        cmp_ok(client_sees(fd), ==, NOTHING, "not before 250 ms have passed");
        later(1);
        cmp_ok(client_sees(fd), ==, i < 4 ? NOTHING : ANSWER, "but then");
        close(fd);
        loop_free(loop);
    }
}

/* The processes that share a listening socket share O_NONBLOCK, too. */
static void test_shared_socket(void)
{
    enum { COUNT = 300 };
    struct timespec start, end;
    struct timeval limit = {.tv_sec = 9};
    socklen_t len = sizeof limit;
    open_loop(10, NULL);
    fcntl(listener, F_SETFL, 0);
    int fd = client_open(), answers = 0;
    good(KEEP);
    client_send(fd);
    alarm(20); /* the test ends if the loop waits for another client */
    turn();
    cmp_ok(client_sees(fd), ==, ANSWER, "a listening socket that blocks does not stop the loop");
    close(fd);

    pid_t other = fork();
    must(other >= 0);
    for (time_t stop = time(NULL) + 10; other == 0 && time(NULL) < stop;)
        fcntl(listener, F_SETFL, 0);
    if (other == 0)
        _exit(0);
    good(KEEP);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < COUNT; i++) {
        fd = client_open();
        client_send(fd);
        turn();
        answers += client_sees(fd) == ANSWER;
        close(fd);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    cmp_ok(answers, ==, COUNT, "nor does one that another process makes so without a pause");
    cmp_ok(end.tv_sec - start.tv_sec, <, 8, "nor does the loop wait long for each");
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    alarm(0);

    fd = client_open();
    struct sockaddr_storage peer;
    int accepted = listen_accept(listener, &peer);
    getsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &limit, &len);
    ok(limit.tv_sec == 0 && limit.tv_usec == 0, "its time limit is not handed down");
    cmp_ok(peer.ss_family, ==, AF_INET, "it is said who connects");
    ok(fcntl(accepted, F_GETFL) & O_NONBLOCK, "the connection does not block");
    ok(fcntl(accepted, F_GETFD) & FD_CLOEXEC, "and is closed on exec");
    close(accepted);
    close(fd);
    loop_free(loop);
}

static void test_peers(void)
{
    struct peers peers;
    is(peers_parse(&peers, "127.0.0.2, ::1,10.1.2.3"), NULL, "a list of peers is read");
    open_loop(10, &peers);
    int fd = client_open();
    good(KEEP);
    send(fd, wire.bytes, wire.len, MSG_NOSIGNAL);
    turn();
    cmp_ok(answered, ==, 0, "who is not in it is not served");
    ok(client_sees(fd) != NOTHING, "but closed");
    close(fd);
    loop_free(loop);
    is(peers_parse(&peers, "127.0.0.2,127.0.0.1"), NULL, "another list");
    open_loop(10, &peers);
    fd = client_open();
    client_send(fd);
    turn();
    cmp_ok(answered, ==, 1, "who is in it is served");
    close(fd);
    loop_free(loop);

    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
    ok(peers_allow(&peers, (struct sockaddr *)&six), "an IPv4 address may come as IPv6");
    struct sockaddr local = {.sa_family = AF_UNIX};
    ok(peers_allow(&peers, &local), "a Unix socket has no addresses");
    is(peers_parse(&peers, ""), NULL, "an empty list is one");
    ok(peers_allow(&peers, (struct sockaddr *)&six), "and lets everybody in");
    is(peers_parse(&peers, "127.0.0.1,web.example"), "web.example", "a name is no address");
    is(peers_parse(&peers, "127.0.0.1,"), "", "nothing is no address");
    is(peers_parse(&peers, "1.2.3.4 5.6.7.8"), "1.2.3.4 5.6.7.8", "a comma is needed");
}

static void test_stop(void)
{
    open_loop(10, NULL);
    int idle = client_open(), silent = client_open(), sent = client_open();
    good(KEEP);
    client_send(idle);
    turn();
    client_sees(idle);
    client_send(sent);
    int waiting = client_open();
    client_send(waiting);
    loop_stop(loop);
    bool goes_on = loop_turn(loop, 0);
    ok(goes_on, "an orderly stop takes a moment");
    cmp_ok(client_sees(idle), ==, END, "idle connections are closed");
    cmp_ok(client_sees(sent), ==, ANSWER, "what had been sent is answered");
    cmp_ok(client_sees(sent), ==, END, "and its connection closed, though to be kept");
    cmp_ok(client_sees(waiting), ==, ANSWER, "so is who had not been accepted yet");
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok(connect(late, (struct sockaddr *)&address, sizeof address) != 0, "nobody can connect now");
    cmp_ok(client_sees(silent), ==, NOTHING, "a silent connection has");
    clock_now += 999;
    ok(loop_turn(loop, 0), "a second");
    good(KEEP);
    client_send(silent);
    ok(!loop_turn(loop, 0), "when it is done, so is the loop");
    cmp_ok(client_sees(silent), ==, ANSWER, "for it was answered");
    close(idle), close(silent), close(sent), close(waiting), close(late);
    loop_free(loop);

    open_loop(10, NULL);
    silent = client_open();
    turn();
    loop_stop(loop);
    clock_now += 1000;
    ok(!loop_turn(loop, 0), "after a second the loop ends in any case");
    loop_free(loop);
    ok(client_sees(silent) != NOTHING, "and closes what is open");
    close(silent);
}

static void test_retire(void)
{
    open_loop(10, NULL);
    int idle = client_open(), sent = client_open();
    good(KEEP);
    client_send(idle);
    turn();
    client_sees(idle);
    client_send(sent);
    turn();
    loop_retire(loop);
    ok(!loop_turn(loop, 0), "a loop that retires is soon done");
    cmp_ok(client_sees(sent), ==, ANSWER, "what had been sent is answered");
    cmp_ok(client_sees(idle), ==, END, "idle connections are closed");
    int late = client_open();
    client_send(late);
    ok(!loop_turn(loop, 0), "who comes then is not accepted");
    cmp_ok(client_sees(late), ==, NOTHING, "nor answered");
    cmp_ok(loop_take_listener(loop), ==, listener, "the listening socket is for another loop");
    loop_free(loop);
    loop = loop_new(listener, &service, &LOOP_LIMITS, NULL, test_clock);
    turn();
    cmp_ok(client_sees(late), ==, ANSWER, "who has waited is answered by that");
    loop_retire(loop);
    loop_stop(loop);
    ok(!loop_turn(loop, 0), "a stop goes before");
    cmp_ok(loop_take_listener(loop), ==, -1, "and leaves nothing to take over");
    loop_free(loop);
    close(idle), close(sent), close(late);
    late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok(connect(late, (struct sockaddr *)&address, sizeof address) != 0, "nobody listens");
    close(late);
}

static void test_signals(void)
{
    open_loop(10, NULL);
    cmp_ok(loop_take_signals(loop), ==, 0, "the loop takes signals");
    raise(SIGHUP);
    turn();
    cmp_ok(reloaded, ==, 1, "SIGHUP reloads");
    int fd = client_open();
    good(KEEP);
    client_send(fd);
    raise(SIGTERM);
    while (loop_turn(loop, 0))
        ;
    cmp_ok(client_sees(fd), ==, ANSWER, "SIGTERM stops the loop, in order");
    close(fd);
    loop_free(loop);
    open_loop(10, NULL);
    loop_take_signals(loop);
    raise(SIGUSR1);
    ok(!loop_turn(loop, 0), "SIGUSR1, too");
    loop_free(loop);
}

static int rest_ms; /* what count_rest returns */

static int count_rest(void *ctx)
{
    (void)ctx;
    rested++;
    return rest_ms;
}

/* Whether a turn of at most so many ms ends long before. */
static bool ends_soon(int max_wait_ms)
{
    struct timespec before, after;

    clock_gettime(CLOCK_MONOTONIC, &before);
    loop_turn(loop, max_wait_ms);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return after.tv_sec - before.tv_sec < 3;
}

static void test_rest(void)
{
    open_loop(10, NULL);
    service.rest = count_rest;
    ok(ends_soon(5000) && ends_soon(-1), "a turn waits no longer than the service can");
    rest_ms = 5000;
    ok(ends_soon(0), "nor longer than it is told");
    rest_ms = -1;
    ok(ends_soon(0), "nor if the service can wait for ever");
    cmp_ok(rested, ==, 4, "the service is asked each time");
    loop_free(loop);
}

/* So that seconds go by without a wait. */
static int rest_a_while(void *ctx)
{
    (void)ctx;
    clock_now += 250;
    return 0;
}

static void tick_and_stop(void *ctx)
{
    (void)ctx;
    if (++ticked == 2)
        loop_stop(loop);
}

static void test_run(void)
{
    open_loop(10, NULL);
    service.rest = rest_a_while;
    service.tick = tick_and_stop;
    loop_run(loop);
    cmp_ok(ticked, ==, 2, "a loop runs until it is stopped");
    loop_free(loop);

    open_loop(10, NULL);
    service.tick = count_tick;
    turn();
    clock_now += 999;
    turn();
    cmp_ok(ticked, ==, 0, "just before a second has gone by");
    ok(ends_soon(5000), "a turn lasts no longer than until then");
    loop_free(loop);
}

static void test_tick(void)
{
    open_loop(10, NULL);
    service.tick = count_tick;
    turn();
    cmp_ok(ticked, ==, 0, "no second has gone by");
    for (int i = 0; i < 40; i++)
        later(250);
    cmp_ok(ticked, ==, 10, "ten in ten seconds");
    loop_free(loop);
}

int main(void)
{
    must(handover_init() == 0);
    test_requests();
    test_pieces();
    test_time_limits();
    test_wait();
    test_replies();
    test_bodies();
    test_kept_bodies();
    test_refused();
    test_interleaved();
    test_many_at_once();
    test_stopped();
    test_notes();
    test_full();
    test_reuse();
    test_descriptors();
    test_accept_errors();
    test_shared_socket();
    test_peers();
    test_stop();
    test_retire();
    test_signals();
    test_rest();
    test_run();
    test_tick();
    return done_testing();
}
