/* SPDX-License-Identifier: Apache-2.0 */
/* What comes on one connection: it is looked at, answered or parked, and in the end closed. */
#include "loop_parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    REPLIES = 16,       /* management records of a connection without a request between them */
    NOTE_MS = 10 * 1000 /* between two notes about bad peers */
};

static void note_peer(struct loop *loop, const char *why)
{
    char sentence[256];
    loop->counters->malformed++;
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

/* The descriptor is closed already. */
static void forget(struct loop *loop, struct connection *connection)
{
    table_move(&loop->table, connection, CONNECTION_FREE, loop->now);
    loop->room_made = true;
}

void connection_close(struct loop *loop, struct connection *connection)
{
    close(connection->fd);
    forget(loop, connection);
}

void connection_refuse(struct loop *loop, struct connection *connection, const char *why)
{
    note_peer(loop, why);
    connection_close(loop, connection);
}

bool connection_watch(struct loop *loop, struct connection *connection, uint32_t events)
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
    if (shutdown(connection->fd, SHUT_WR) != 0 || !connection_watch(loop, connection, EPOLLIN)) {
        connection_close(loop, connection);
        return;
    }
    table_move(&loop->table, connection, CONNECTION_DRAINING, loop->now);
}

void connection_drain(struct loop *loop, struct connection *connection)
{
    ssize_t n = recv(connection->fd, loop->bytes, loop->limits.header_bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        connection_close(loop, connection);
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
        connection_close(loop, connection);
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
        connection_refuse(loop, connection, "only a part of a request");
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
        connection_close(loop, connection);
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
            connection_close(loop, connection);
        else if (!seen->keep)
            start_draining(loop, connection);
        else
            return true;
        return false;
    case GUARD_CLOSE:
        break;
    }
    connection_refuse(loop, connection, seen->why);
    return false;
}

void connection_serve(struct loop *loop, struct connection *connection, bool peer_done)
{
    while (serve_one(loop, connection, peer_done))
        ;
}

void connection_on_parked(struct loop *loop, struct connection *connection, uint32_t events)
{
    connection->more = true;
    if (!(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return;
    connection->gone = true;
    parking_wake(&loop->parking, connection->parked);
}

void connection_finish_woken(struct loop *loop)
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
            connection_serve(loop, connection, false);
    }
}
