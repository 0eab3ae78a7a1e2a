/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,    /* events taken at once */
    ACCEPTS = 16,  /* connections taken at once: fair to open ones, and to sibling processes */
    TICK_MS = 1000 /* between two calls of tick */
};

static const uint64_t SIGNALS = LISTENER_TICKET - 1, WATCHED = LISTENER_TICKET - 2;

const struct loop_limits LOOP_LIMITS = {
    .max_connections = 1024,
    .max_parked = 256,
    .header_bytes = 32 * 1024,
    .request_ms = 5000,
    .drain_ms = 5000,
    .stop_ms = 1000,
};

static uint64_t system_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct loop *loop_new(int listener, const struct service *service, const struct loop_limits *limits,
                      const struct peers *peers, uint64_t (*clock)(void))
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->service = service;
    loop->counters = service->counters ? service->counters : &loop->own_counters;
    loop->limits = *limits;
    loop->guard_limits = (struct guard_limits){.header_bytes = limits->header_bytes,
                                               .max_connections = limits->max_connections};
    loop->peers = peers;
    loop->clock = clock ? clock : system_clock;
    loop->listener = listener;
    loop->signals = loop->watched = -1;
    loop->alarm_at = UINT64_MAX;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->bytes = malloc(limits->header_bytes + 1);
    loop->now = loop->clock();
    loop->next_tick = loop->now + TICK_MS;
    if (loop->epoll >= 0 && loop->bytes && table_init(&loop->table, limits->max_connections) &&
        parking_init(&loop->parking, limits->max_parked))
        listener_resume(loop);
    if (loop->listening)
        return loop;
    int error = errno;
    loop->listener = -1; /* still the caller's */
    loop_free(loop);
    errno = error;
    return NULL;
}

static void list_signals(sigset_t *set)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(set, taken[i]);
}

int loop_hold_signals(void)
{
    sigset_t set;
    list_signals(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? 0 : errno;
}

int loop_take_signals(struct loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNALS};
    sigset_t set;
    int error = loop_hold_signals();
    if (error)
        return error;
    list_signals(&set);
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->signals, &event) != 0)
        return errno;
    return 0;
}

static void on_signal(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof info) == sizeof info) {
        const struct service *service = loop->service;
        if (info.ssi_signo == SIGHUP && service->reload)
            service->reload(service->ctx);
        else if (info.ssi_signo == SIGUSR2 && service->reopen)
            service->reopen(service->ctx);
        else if (info.ssi_signo != SIGHUP && info.ssi_signo != SIGUSR2)
            loop_stop(loop);
    }
}

/* ---- for the service ---- */

uint64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

void loop_wake(struct loop *loop, struct parked *parked)
{
    parking_wake(&loop->parking, parked);
}

bool loop_watch(struct loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = WATCHED};
    if (loop->watched >= 0)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->watched, NULL);
    loop->watched = fd;
    return fd < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void loop_alarm(struct loop *loop, uint64_t when_ms)
{
    loop->alarm_at = when_ms;
}

unsigned loop_parked_most(const struct loop *loop)
{
    return loop->parking.most;
}

/* ---- one turn ---- */

static void on_event(struct loop *loop, const struct epoll_event *event)
{
    if (event->data.u64 == LISTENER_TICKET) {
        if (loop->listening)
            listener_accept(loop, ACCEPTS);
    } else if (event->data.u64 == SIGNALS) {
        on_signal(loop);
    } else if (event->data.u64 == WATCHED) {
        if (loop->watched >= 0)
            loop->service->ready(loop->service->ctx);
    } else {
        /* A connection that an earlier event of this batch has ended is not found. */
        struct connection *connection = table_find(&loop->table, event->data.u64);
        if (!connection)
            return;
        if (connection->state == CONNECTION_DRAINING)
            connection_drain(loop, connection);
        else if (connection->state == CONNECTION_PARKED)
            connection_on_parked(loop, connection, event->events);
        else
            connection_serve(loop, connection, event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
}

static bool first_expired(struct loop *loop, enum connection_state state, unsigned limit_ms)
{
    const struct connection *first = loop->table.queue[state].first;
    return first && loop->now >= first->since + limit_ms;
}

static void expire(struct loop *loop)
{
    while (first_expired(loop, CONNECTION_WAITING, loop->limits.request_ms))
        connection_expire(loop, loop->table.queue[CONNECTION_WAITING].first);
    while (first_expired(loop, CONNECTION_ENDING, loop->stopping ? 0 : loop->limits.request_ms))
        connection_start_draining(loop, loop->table.queue[CONNECTION_ENDING].first);
    while (first_expired(loop, CONNECTION_DRAINING, loop->limits.drain_ms))
        connection_close(loop, loop->table.queue[CONNECTION_DRAINING].first);
}

static void sooner(uint64_t *when, uint64_t other)
{
    if (other < *when)
        *when = other;
}

/* How long to wait for the next event, in ms; -1: without end. */
static int patience(const struct loop *loop, int max_wait_ms)
{
    const struct connection *waiting = loop->table.queue[CONNECTION_WAITING].first;
    const struct connection *ending = loop->table.queue[CONNECTION_ENDING].first;
    const struct connection *draining = loop->table.queue[CONNECTION_DRAINING].first;
    uint64_t when = max_wait_ms < 0 ? UINT64_MAX : loop->now + (uint64_t)max_wait_ms;
    if (waiting)
        sooner(&when, waiting->since + loop->limits.request_ms);
    if (ending)
        sooner(&when, ending->since + loop->limits.request_ms);
    if (draining)
        sooner(&when, draining->since + loop->limits.drain_ms);
    if (loop->stopping)
        sooner(&when, loop->stop_at);
    else if (!loop->listening)
        sooner(&when, loop->resume_at);
    if (loop->service->tick)
        sooner(&when, loop->next_tick);
    sooner(&when, loop->alarm_at);
    if (loop->parking.first_woken)
        return 0;
    if (when == UINT64_MAX)
        return -1;
    return when <= loop->now ? 0 : (int)(when - loop->now);
}

/* What is due by the clock alone. */
static void on_time(struct loop *loop)
{
    expire(loop);
    if (loop->service->tick && loop->now >= loop->next_tick) {
        loop->next_tick = loop->now + TICK_MS;
        loop->service->tick(loop->service->ctx);
    }
    if (loop->now >= loop->alarm_at) {
        loop->alarm_at = UINT64_MAX;
        loop->service->alarm(loop->service->ctx);
    }
    if (loop->stopping && loop->now >= loop->stop_at)
        parking_wake_all(&loop->parking);
    if (!loop->listening && !loop->stopping && (loop->room_made || loop->now >= loop->resume_at))
        listener_resume(loop);
}

bool loop_turn(struct loop *loop, int max_wait_ms)
{
    struct epoll_event events[BATCH];
    int rest_ms = loop->service->rest ? loop->service->rest(loop->service->ctx) : -1;
    if (rest_ms >= 0 && (max_wait_ms < 0 || rest_ms < max_wait_ms))
        max_wait_ms = rest_ms;
    int count = epoll_wait(loop->epoll, events, BATCH, patience(loop, max_wait_ms));
    loop->now = loop->clock();
    for (int i = 0; i < count; i++)
        on_event(loop, &events[i]);
    on_time(loop);
    connection_finish_woken(loop);
    return !loop->stopping || (loop->table.open > 0 && loop->now < loop->stop_at);
}

void loop_run(struct loop *loop)
{
    while (loop_turn(loop, -1))
        ;
}

static void begin_stop(struct loop *loop)
{
    if (loop->stopping)
        return;
    loop->stopping = true;
    loop->stop_at = loop->now + loop->limits.stop_ms;
}

/* Accepts no more, and has those go who have nothing to ask. */
static void wind_up(struct loop *loop)
{
    /* Needed even before a close: sibling processes may have the same socket open. */
    if (loop->listening)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
    loop->listening = false;
    struct connection *next = loop->table.queue[CONNECTION_IDLE].first;
    while (next) {
        struct connection *connection = next;
        next = connection->behind;
        connection_serve(loop, connection, false);
    }
}

void loop_stop(struct loop *loop)
{
    if (loop->listener < 0)
        return;
    begin_stop(loop);
    listener_accept(loop, loop->table.size);
    wind_up(loop);
    listener_close(loop);
}

void loop_retire(struct loop *loop)
{
    if (loop->stopping)
        return;
    begin_stop(loop);
    wind_up(loop);
}

int loop_take_listener(struct loop *loop)
{
    int listener = loop->listener;
    loop->listener = -1;
    return listener;
}

unsigned loop_connections(const struct loop *loop)
{
    return loop->table.open;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop->stopping = true;
    parking_wake_all(&loop->parking);
    connection_finish_woken(loop);
    parking_free(&loop->parking);
    for (unsigned i = 0; i < loop->table.size; i++)
        if (loop->table.slots[i].fd >= 0)
            close(loop->table.slots[i].fd);
    table_free(&loop->table);
    if (loop->listener >= 0)
        listener_close(loop);
    if (loop->signals >= 0)
        close(loop->signals);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->bytes);
    free(loop);
}
