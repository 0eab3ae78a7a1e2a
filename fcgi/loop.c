/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "loop.h"
#include "guard.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,         /* events taken at once */
    ACCEPTS = 16,       /* connections taken at once: fair to open ones, and to sibling processes */
    REPLIES = 16,       /* management records of a connection without a request between them */
    TICK_MS = 1000,     /* between two calls of tick */
    PAUSE_MS = 250,     /* before the listening socket is tried again when descriptors are out */
    SETTLED_MS = 1000,  /* a kept connection idle for so long may be closed to make room */
    NOTE_MS = 10 * 1000 /* between two notes about bad peers */
};

/* Tickets that the table never gives out: its slots are numbered by unsigned ints from 0. */
static const uint64_t LISTENER = UINT32_MAX, SIGNALS = UINT32_MAX - 1, WATCHED = UINT32_MAX - 2;

const struct loop_limits LOOP_LIMITS = {
    .max_connections = 1024,
    .max_parked = 256,
    .header_bytes = 32 * 1024,
    .request_ms = 5000,
    .drain_ms = 5000,
    .stop_ms = 1000,
};

struct loop {
    const struct service *service;
    const struct peers *peers;
    struct loop_limits limits;
    struct guard_limits guard_limits;
    uint64_t (*clock)(void);
    int epoll, listener, signals, watched;
    bool listening; /* epoll watches the listening socket */
    bool stopping, room_made;
    uint64_t now, next_tick, resume_at, stop_at, next_note, alarm_at;
    unsigned unsaid; /* notes left out since the last one */
    struct table table;
    struct guard_result seen;
    struct parking parking;
    struct answer answer;
    unsigned char *bytes; /* what waits on a connection; one more than header_bytes */
};

static uint64_t system_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void note_peer(struct loop *loop, const char *why)
{
    char sentence[256];
    if (!loop->service->note)
        return;
    if (loop->now < loop->next_note) {
        loop->unsaid++;
        return;
    }
    int len = snprintf(sentence, sizeof sentence,
                       "A connection was closed, because the web server sent %s.", why);
    if (loop->unsaid && len > 0 && (size_t)len < sizeof sentence)
        snprintf(sentence + len, sizeof sentence - (size_t)len,
                 " %u more were closed since the last such message.", loop->unsaid);
    loop->service->note(loop->service->ctx, sentence);
    loop->next_note = loop->now + NOTE_MS;
    loop->unsaid = 0;
}

/* ---- one connection ---- */

/* The descriptor is closed already. */
static void forget(struct loop *loop, struct connection *connection)
{
    table_move(&loop->table, connection, CONNECTION_FREE, loop->now);
    loop->room_made = true;
}

static void hang_up(struct loop *loop, struct connection *connection)
{
    close(connection->fd);
    forget(loop, connection);
}

static void hang_up_because(struct loop *loop, struct connection *connection, const char *why)
{
    note_peer(loop, why);
    hang_up(loop, connection);
}

static bool watch(struct loop *loop, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events,
                                .data.u64 = table_ticket(&loop->table, connection)};
    int how = connection->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    connection->watched = true;
    return epoll_ctl(loop->epoll, how, connection->fd, &event) == 0;
}

/*
 * Ends a connection on which bytes wait or are to come. To close it now would
 * reset it, and the peer could lose the answer; so it is told that nothing more
 * comes from here, and closed when it has closed its side.
 */
static void start_draining(struct loop *loop, struct connection *connection)
{
    if (shutdown(connection->fd, SHUT_WR) != 0 || !watch(loop, connection, EPOLLIN)) {
        hang_up(loop, connection);
        return;
    }
    table_move(&loop->table, connection, CONNECTION_DRAINING, loop->now);
}

static void drain(struct loop *loop, struct connection *connection)
{
    ssize_t n = recv(connection->fd, loop->bytes, loop->limits.header_bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        hang_up(loop, connection);
}

/* Takes the record that the guard has seen off the connection and sends its reply. */
static bool send_reply(struct loop *loop, struct connection *connection)
{
    const struct guard_result *seen = &loop->seen;
    if (++connection->replies > REPLIES) {
        note_peer(loop, "one management record after another");
        return false;
    }
    return recv(connection->fd, loop->bytes, seen->length, MSG_DONTWAIT) == (ssize_t)seen->length &&
           send(connection->fd, seen->reply, seen->reply_len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
               (ssize_t)seen->reply_len;
}

/* Sends the answer; the connection may be gone afterwards. */
static void send_answer(struct loop *loop, struct connection *connection, struct parked *request,
                        bool peer_done)
{
    if (!handover_answer(&request->handover, &loop->answer)) {
        forget(loop, connection);
    } else if (!request->reusable) {
        start_draining(loop, connection);
    } else if (!request->keep || peer_done || loop->stopping) {
        hang_up(loop, connection);
    } else {
        connection->replies = 0;
        connection->begun = false;
        table_move(&loop->table, connection, CONNECTION_IDLE, loop->now);
    }
}

/* The request at hand has to wait for its answer. */
static void park(struct loop *loop, struct connection *connection, struct parked *request)
{
    connection->parked = request;
    connection->more = connection->gone = false;
    parking_park(&loop->parking, connection);
    table_move(&loop->table, connection, CONNECTION_PARKED, loop->now);
}

/* Answers the request that the guard has seen. waiting: how many bytes were there to see. */
static void answer_request(struct loop *loop, struct connection *connection, size_t waiting,
                           bool peer_done)
{
    const struct service *service = loop->service;
    struct parked *request = parking_at_hand(&loop->parking);
    bool may_wait = service->finish && !peer_done && parking_has_room(&loop->parking);
    request->keep = loop->seen.keep;
    request->reusable = loop->seen.clean && waiting == loop->seen.length;
    if (!handover_begin(&request->handover, connection->fd, loop->seen.clean))
        forget(loop, connection);
    else if (service->answer(service->ctx, handover_variables(&request->handover),
                             may_wait ? request : NULL, &loop->answer))
        send_answer(loop, connection, request, peer_done);
    else
        park(loop, connection, request);
}

/* Part of a request is there. Its time starts with its first part, for a new connection earlier. */
static void await_rest(struct loop *loop, struct connection *connection, bool peer_done)
{
    if (peer_done) {
        hang_up_because(loop, connection, "only a part of a request");
        return;
    }
    connection->begun = true;
    if (connection->state == CONNECTION_IDLE)
        table_move(&loop->table, connection, CONNECTION_WAITING, loop->now);
}

/* Nothing waits on a connection, or its peer is gone (n is what recv said). */
static void nothing_there(struct loop *loop, struct connection *connection, ssize_t n)
{
    bool idle = connection->state == CONNECTION_IDLE;
    if (n == 0 || (errno != EAGAIN && errno != EINTR) || (loop->stopping && idle))
        hang_up(loop, connection);
}

/* Deals with one thing that waits on a connection. True: there may be more. */
static bool serve_one(struct loop *loop, struct connection *connection, bool peer_done)
{
    struct guard_result *seen = &loop->seen;
    ssize_t n =
        recv(connection->fd, loop->bytes, loop->limits.header_bytes + 1, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0) {
        nothing_there(loop, connection, n);
        return false;
    }
    guard_check(loop->bytes, (size_t)n, &loop->guard_limits, seen);
    switch (seen->verdict) {
    case GUARD_REQUEST:
        answer_request(loop, connection, (size_t)n, peer_done);
        return false;
    case GUARD_MORE:
        await_rest(loop, connection, peer_done);
        return false;
    case GUARD_REPLY:
        if (!send_reply(loop, connection))
            hang_up(loop, connection);
        else if (!seen->keep)
            start_draining(loop, connection);
        else
            return true;
        return false;
    case GUARD_CLOSE:
        break;
    }
    hang_up_because(loop, connection, seen->why);
    return false;
}

/* The connection may be gone afterwards. */
static void serve(struct loop *loop, struct connection *connection, bool peer_done)
{
    while (serve_one(loop, connection, peer_done))
        ;
}

/*
 * Something has happened to a connection whose request is parked. A peer that has
 * closed its side may be gone, or may still listen: it gets what is known at once.
 */
static void on_parked(struct loop *loop, struct connection *connection, uint32_t events)
{
    connection->more = true;
    if (!(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return;
    connection->gone = true;
    parking_wake(&loop->parking, connection->parked);
}

/* Answers the parked requests that were woken, and looks at what has come behind them. */
static void finish_woken(struct loop *loop)
{
    struct parked *request;
    while ((request = parking_take_woken(&loop->parking))) {
        struct connection *connection = request->connection;
        bool more = connection->more;
        connection->parked = NULL;
        loop->service->finish(loop->service->ctx, request, &loop->answer);
        send_answer(loop, connection, request, connection->gone);
        parking_done(&loop->parking, request);
        if (more && connection->state == CONNECTION_IDLE)
            serve(loop, connection, false);
    }
}

/* ---- the listening socket ---- */

static void listen_again(struct loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = LISTENER};
    loop->listening = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener, &event) == 0;
    loop->resume_at = loop->listening ? UINT64_MAX : loop->now + PAUSE_MS;
}

/* No room for another connection: looks away for a while, rather than spin. */
static void listen_later(struct loop *loop)
{
    if (loop->listening)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
    loop->listening = false;
    loop->room_made = false;
    loop->resume_at = loop->now + PAUSE_MS;
}

/* Closes the kept connection that has been idle longest, if that is long enough. */
static bool make_room(struct loop *loop)
{
    struct connection *oldest = loop->table.queue[CONNECTION_IDLE].first;
    if (!oldest || loop->now - oldest->since < SETTLED_MS)
        return false;
    hang_up(loop, oldest);
    return true;
}

static void welcome(struct loop *loop, int fd)
{
    struct connection *connection = table_take(&loop->table, fd, loop->now);
    uint64_t ticket = table_ticket(&loop->table, connection);
    /* Most often the request has come with the connection; many end with it, too. */
    serve(loop, connection, false);
    if (!table_find(&loop->table, ticket) || connection->watched ||
        watch(loop, connection, EPOLLIN | EPOLLRDHUP | EPOLLET))
        return;
    if (connection->state == CONNECTION_PARKED)
        on_parked(loop, connection, EPOLLERR);
    else
        hang_up(loop, connection);
}

enum accepted { ACCEPTED, NOBODY, NO_ROOM };

static enum accepted accept_one(struct loop *loop)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof peer;
    struct sockaddr *address = loop->peers && loop->peers->count ? (struct sockaddr *)&peer : NULL;
    if (!loop->table.queue[CONNECTION_FREE].first)
        return NO_ROOM;
    int fd = accept4(loop->listener, address, address ? &len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM))
        return ACCEPTED; /* whom it was is gone already; another may wait */
    if (fd < 0)
        return errno == EAGAIN ? NOBODY : NO_ROOM;
    if (address && !peers_allow(loop->peers, address))
        close(fd);
    else
        welcome(loop, fd);
    return ACCEPTED;
}

/*
 * Room is made only for the first, of whom epoll has told: whether another one
 * waits is not known, and if so epoll will tell again.
 */
static void accept_some(struct loop *loop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        enum accepted accepted = accept_one(loop);
        if (accepted == NO_ROOM && i == 0 && make_room(loop))
            accepted = accept_one(loop);
        if (accepted == ACCEPTED)
            continue;
        if (accepted == NO_ROOM && i == 0)
            listen_later(loop);
        return;
    }
}

/* ---- the loop ---- */

struct loop *loop_new(int listener, const struct service *service, const struct loop_limits *limits,
                      const struct peers *peers, uint64_t (*clock)(void))
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->service = service;
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
        listen_again(loop);
    if (loop->listening)
        return loop;
    int error = errno;
    loop->listener = -1; /* still the caller's */
    loop_free(loop);
    errno = error;
    return NULL;
}

int loop_take_signals(struct loop *loop)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNALS};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(&set, taken[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return errno;
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->signals, &event) != 0)
        return errno;
    return 0;
}

static void on_signal(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP)
            loop_stop(loop);
        else if (loop->service->reload)
            loop->service->reload(loop->service->ctx);
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
    if (event->data.u64 == LISTENER) {
        if (loop->listening)
            accept_some(loop, ACCEPTS);
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
            drain(loop, connection);
        else if (connection->state == CONNECTION_PARKED)
            on_parked(loop, connection, event->events);
        else
            serve(loop, connection, event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
}

static bool first_expired(struct loop *loop, enum connection_state state, unsigned limit_ms)
{
    const struct connection *first = loop->table.queue[state].first;
    return first && loop->now >= first->since + limit_ms;
}

static void expire(struct loop *loop)
{
    while (first_expired(loop, CONNECTION_WAITING, loop->limits.request_ms)) {
        struct connection *late = loop->table.queue[CONNECTION_WAITING].first;
        if (late->begun)
            hang_up_because(loop, late, "a part of a request, and not the rest in time");
        else
            hang_up(loop, late);
    }
    while (first_expired(loop, CONNECTION_DRAINING, loop->limits.drain_ms))
        hang_up(loop, loop->table.queue[CONNECTION_DRAINING].first);
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
    const struct connection *draining = loop->table.queue[CONNECTION_DRAINING].first;
    uint64_t when = max_wait_ms < 0 ? UINT64_MAX : loop->now + (uint64_t)max_wait_ms;
    if (waiting)
        sooner(&when, waiting->since + loop->limits.request_ms);
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
        listen_again(loop);
}

bool loop_turn(struct loop *loop, int max_wait_ms)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(loop->epoll, events, BATCH, patience(loop, max_wait_ms));
    loop->now = loop->clock();
    for (int i = 0; i < count; i++)
        on_event(loop, &events[i]);
    on_time(loop);
    finish_woken(loop);
    return !loop->stopping || (loop->table.open > 0 && loop->now < loop->stop_at);
}

void loop_run(struct loop *loop)
{
    while (loop_turn(loop, -1))
        ;
}

/* Descriptor 0 stays taken, so that nothing opened later gets that number. */
static void close_listener(struct loop *loop)
{
    int null = loop->listener == STDIN_FILENO ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    } else if (loop->listener >= 0) {
        close(loop->listener);
    }
    loop->listener = -1;
}

void loop_stop(struct loop *loop)
{
    if (loop->stopping)
        return;
    loop->stopping = true;
    loop->stop_at = loop->now + loop->limits.stop_ms;
    accept_some(loop, loop->table.size);
    /* Needed even before a close: sibling processes may have the same socket open. */
    if (loop->listening)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
    loop->listening = false;
    close_listener(loop);
    struct connection *next = loop->table.queue[CONNECTION_IDLE].first;
    while (next) {
        struct connection *connection = next;
        next = connection->behind;
        serve(loop, connection, false);
    }
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
    finish_woken(loop);
    parking_free(&loop->parking);
    for (unsigned i = 0; i < loop->table.size; i++)
        if (loop->table.slots[i].fd >= 0)
            close(loop->table.slots[i].fd);
    table_free(&loop->table);
    if (loop->listener >= 0)
        close_listener(loop);
    if (loop->signals >= 0)
        close(loop->signals);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->bytes);
    free(loop);
}
