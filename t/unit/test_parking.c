/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait in the loop for their answer, with a clock that the tests set. */
#include "config.h"
#include "../../fcgi/handover.h"
#include "../../fcgi/listen.h"
#include "../../fcgi/loop.h"
#include "tap.h"
#include "wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PARKED = 3 };

static struct loop *loop;
static struct service service;
static union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_un local;
} address;
static uint64_t clock_now;
static bool patient; /* requests wait */
static int answered, finished, alarms, readies;
static struct parked *waiting[16];
static int waiting_count;
static int pipes[2];

static uint64_t test_clock(void)
{
    return clock_now;
}

static void write_text(struct answer *answer, const char *text)
{
    answer->len = (size_t)snprintf(answer->text, sizeof answer->text, "%s", text);
}

static bool answer(void *ctx, char *const *variables, struct parked *parked, struct answer *answer)
{
    (void)ctx, (void)variables;
    if (patient && parked) {
        waiting[waiting_count++] = parked;
        return false;
    }
    answered++;
    write_text(answer, "Status: 200 OK\n\n");
    return true;
}

/* The variables must still be there. */
static void finish(void *ctx, struct parked *parked, struct answer *answer)
{
    char *const *variables = handover_variables(&parked->handover);
    bool found = false;
    (void)ctx;
    for (size_t i = 0; variables[i]; i++)
        found |= strcmp(variables[i], "SCRIPT_NAME=/v2") == 0;
    finished++;
    write_text(answer, found ? "Status: 307 OK\n\n" : "Status: 500 ?\n\n");
}

static void ready(void *ctx)
{
    char byte;
    (void)ctx;
    readies++;
    if (read(pipes[0], &byte, 1) == 0)
        loop_watch(loop, -1);
}

static void alarm_comes(void *ctx)
{
    (void)ctx;
    alarms++;
}

static void must(bool holds)
{
    if (!holds) {
        perror("the test's own sockets");
        exit(99);
    }
}

static socklen_t address_size(void)
{
    return address.any.sa_family == AF_UNIX ? sizeof address.local : sizeof address.inet;
}

static void open_loop(sa_family_t family)
{
    struct loop_limits limits = LOOP_LIMITS;
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.any.sa_family = family;
    if (family == AF_UNIX)
        snprintf(address.local.sun_path, sizeof address.local.sun_path, "/tmp/test_parking.%ld",
                 (long)getpid());
    else
        address.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = address_size();
    must(bind(listener, &address.any, len) == 0 && listen(listener, 100) == 0 &&
         getsockname(listener, &address.any, &len) == 0 && listen_prepare(listener) == 0);
    limits.max_connections = 10;
    limits.max_parked = PARKED;
    service =
        (struct service){.answer = answer, .finish = finish, .ready = ready, .alarm = alarm_comes};
    answered = finished = alarms = readies = waiting_count = 0;
    patient = true;
    clock_now = 1000000;
    loop = loop_new(listener, &service, &limits, NULL, test_clock);
    must(loop != NULL);
}

static void close_loop(void)
{
    loop_free(loop);
    if (address.any.sa_family == AF_UNIX)
        unlink(address.local.sun_path);
}

static int client_open(void)
{
    struct timeval patience = {.tv_sec = 5};
    int on = 1, fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, &address.any, address_size()) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void client_send(int fd)
{
    must(send(fd, wire.bytes, wire.len, MSG_NOSIGNAL) == (ssize_t)wire.len);
}

/* A client that has sent a good request. */
static int client_asks(int flags)
{
    int fd = client_open();
    good(flags);
    client_send(fd);
    return fd;
}

static void turn(void)
{
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 0);
}

enum seen { NOTHING, AT_ONCE, LATER, END, RESET, OTHER };

static enum seen client_sees(int fd)
{
    char got[65536];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? NOTHING : RESET;
    if (n == 0)
        return END;
    if (n != 48)
        return OTHER;
    return memcmp(got + 8, "Status: 200", 11) == 0   ? AT_ONCE
           : memcmp(got + 8, "Status: 307", 11) == 0 ? LATER
                                                     : OTHER;
}

static void test_wait(sa_family_t family)
{
    open_loop(family);
    int kept = client_asks(KEEP), single = client_asks(0);
    turn();
    cmp_ok(waiting_count, ==, 2, "two requests are parked");
    cmp_ok(client_sees(kept), ==, NOTHING, "and have no answer yet");
    patient = false;
    int other = client_asks(KEEP);
    turn();
    cmp_ok(client_sees(other), ==, AT_ONCE, "others are served");
    clock_now += 100000;
    turn();
    cmp_ok(client_sees(kept), ==, NOTHING, "the loop itself has no limit of time for them");
    loop_wake(loop, waiting[0]);
    loop_wake(loop, waiting[0]);
    turn();
    cmp_ok(client_sees(kept), ==, LATER, "who is woken is answered");
    cmp_ok(finished, ==, 1, "once");
    cmp_ok(client_sees(single), ==, NOTHING, "and who is not, is not");
    loop_wake(loop, waiting[1]);
    turn();
    cmp_ok(client_sees(single), ==, LATER, "until it is");
    cmp_ok(client_sees(single), ==, END, "a connection for one request ends then");
    good(KEEP);
    client_send(kept);
    turn();
    cmp_ok(client_sees(kept), ==, AT_ONCE, "a kept one serves on");
    cmp_ok(loop_parked_most(loop), ==, 2, "the most that were parked is known");
    close(kept), close(single), close(other);
    close_loop();
}

static void test_limit(void)
{
    open_loop(AF_INET);
    int fd[PARKED + 1];
    for (int i = 0; i <= PARKED; i++)
        fd[i] = client_asks(KEEP);
    turn();
    cmp_ok(waiting_count, ==, PARKED, "so many are parked as may be");
    cmp_ok(client_sees(fd[PARKED]), ==, AT_ONCE, "the next one is answered at once");
    loop_wake(loop, waiting[1]);
    turn();
    int again = client_asks(KEEP);
    turn();
    cmp_ok(waiting_count, ==, PARKED + 1, "one that is done makes room");
    for (int i = 0; i <= PARKED; i++)
        close(fd[i]);
    close(again);
    close_loop();
}

static void test_behind(void)
{
    open_loop(AF_INET);
    int fd = client_asks(KEEP);
    turn();
    good(KEEP);
    client_send(fd);
    turn();
    cmp_ok(waiting_count, ==, 1, "what comes behind a parked request waits, too");
    patient = false;
    loop_wake(loop, waiting[0]);
    turn();
    char got[200];
    cmp_ok(recv(fd, got, sizeof got, MSG_DONTWAIT), ==, 96, "and is answered behind it");
    close(fd);

    patient = true;
    waiting_count = 0;
    fd = client_open();
    good(KEEP);
    wire_add("x", 1);
    client_send(fd);
    turn();
    cmp_ok(waiting_count, ==, 1, "a request with what is no FastCGI behind it is parked");
    loop_wake(loop, waiting[0]);
    turn();
    cmp_ok(client_sees(fd), ==, LATER, "and answered");
    cmp_ok(client_sees(fd), ==, END, "but its connection ends");
    close(fd);
    close_loop();
}

/* A web server that multiplexes: its requests are answered one after the other. */
static void test_numbers(void)
{
    open_loop(AF_INET);
    int fd = client_open();
    good(KEEP);
    size_t len = wire.len;
    for (int id = 3; id <= 5; id += 2) {
        wire_add(wire.bytes, len);
        for (size_t at = wire.len - len; at < wire.len; at += 8 + wire.bytes[at + 5])
            wire.bytes[at + 3] = (unsigned char)id;
    }
    client_send(fd);
    turn();
    cmp_ok(waiting_count, ==, 1, "of three requests of other numbers the first is parked");
    loop_wake(loop, waiting[0]);
    turn();
    cmp_ok(waiting_count, ==, 2, "then the second");
    patient = false;
    loop_wake(loop, waiting[1]);
    turn();
    unsigned char got[500];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    cmp_ok(n, ==, 3 * 48, "and all three are answered");
    ok(n == 3 * 48 && got[3] == 1 && got[48 + 3] == 3 && got[96 + 3] == 5, "by their numbers");
    good(KEEP);
    client_send(fd);
    turn();
    cmp_ok(client_sees(fd), ==, AT_ONCE, "and the connection goes on");
    close(fd);
    close_loop();
}

static void test_gone(sa_family_t family)
{
    open_loop(family);
    int half = client_asks(KEEP), gone = client_asks(KEEP), before = client_open();
    turn();
    shutdown(half, SHUT_WR);
    close(gone);
    turn();
    cmp_ok(client_sees(half), ==, LATER, "who has closed its side gets what is known at once");
    cmp_ok(client_sees(half), ==, END, "and the connection ends");
    cmp_ok(finished, ==, 2, "a request goes when its peer goes");
    cmp_ok(loop_connections(loop), ==, 1, "and its connection, too");
    good(KEEP);
    client_send(before);
    shutdown(before, SHUT_WR);
    turn();
    cmp_ok(client_sees(before), ==, AT_ONCE, "who had closed its side before does not wait");
    close(half), close(before);
    turn();
    cmp_ok(loop_connections(loop), ==, 0, "all have gone");
    close_loop();
}

static void test_stop(void)
{
    open_loop(AF_INET);
    int fd = client_asks(KEEP), other = client_asks(KEEP);
    turn();
    loop_stop(loop);
    ok(loop_turn(loop, 0), "a stop waits for what is parked");
    cmp_ok(client_sees(fd), ==, NOTHING, "which waits on");
    loop_wake(loop, waiting[0]);
    ok(loop_turn(loop, 0), "for all of it");
    cmp_ok(client_sees(fd), ==, LATER, "what is woken is answered");
    cmp_ok(client_sees(fd), ==, END, "and its connection closed, though to be kept");
    clock_now += LOOP_LIMITS.stop_ms - 1;
    ok(loop_turn(loop, 0), "it has as much time as a stop has");
    clock_now++;
    ok(!loop_turn(loop, 0), "then the loop ends");
    cmp_ok(client_sees(other), ==, LATER, "and all is answered");
    close_loop();
    close(fd), close(other);

    open_loop(AF_INET);
    fd = client_asks(KEEP);
    turn();
    close_loop();
    cmp_ok(finished, ==, 1, "even a loop that is freed finishes what is parked");
    close(fd);
}

static void test_watch_and_alarm(void)
{
    open_loop(AF_INET);
    must(pipe(pipes) == 0);
    ok(loop_watch(loop, pipes[0]), "a descriptor is watched");
    turn();
    cmp_ok(readies, ==, 0, "nothing is there");
    must(write(pipes[1], "x", 1) == 1);
    turn();
    cmp_ok(readies, ==, 1, "something is");
    close(pipes[1]);
    turn();
    cmp_ok(readies, ==, 2, "its end is told, too; then it is not watched any more");
    close(pipes[0]);

    loop_alarm(loop, loop_now(loop) + 50);
    clock_now += 49;
    turn();
    cmp_ok(alarms, ==, 0, "an alarm is not early");
    clock_now += 1;
    turn();
    cmp_ok(alarms, ==, 1, "nor late, and comes once");
    loop_alarm(loop, loop_now(loop) + 10);
    loop_alarm(loop, UINT64_MAX);
    clock_now += 100;
    turn();
    cmp_ok(alarms, ==, 1, "and can be called off");
    close_loop();
}

int main(void)
{
    must(handover_init() == 0);
    test_wait(AF_INET);
    test_wait(AF_UNIX);
    test_limit();
    test_behind();
    test_numbers();
    test_gone(AF_INET);
    test_gone(AF_UNIX);
    test_stop();
    test_watch_and_alarm();
    return done_testing();
}
