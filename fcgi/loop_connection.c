/* SPDX-License-Identifier: Apache-2.0 */
/* What comes on one connection: it is looked at, answered or parked, and in the end closed. */
#include "loop_parts.h"
#include "records.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    REPLIES = 16,       /* management records of a connection without a request between them */
    ROUNDS = 64,        /* things dealt with on one connection before others have their turn */
    NOTE_MS = 10 * 1000 /* between two notes about bad peers */
};

static const uint32_t EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLET;

__attribute__((format(printf, 2, 3))) static void note_peer(struct loop *loop, const char *format,
                                                            ...)
{
    char sentence[256];
    va_list args;
    loop->counters->malformed++;
    if (!loop->service->note)
        return;
    if (loop->now < loop->next_note) {
        loop->unsaid++;
        return;
    }
    va_start(args, format);
    int len = vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (loop->unsaid && len > 0 && (size_t)len < sizeof sentence)
        snprintf(sentence + len, sizeof sentence - (size_t)len,
                 " %u more such messages were left out.", loop->unsaid);
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
void connection_start_draining(struct loop *loop, struct connection *connection)
{
    if (shutdown(connection->fd, SHUT_WR) != 0 || !connection_watch(loop, connection, EPOLLIN)) {
        connection_close(loop, connection);
        return;
    }
    table_move(&loop->table, connection, CONNECTION_DRAINING, loop->now);
}

void connection_refuse(struct loop *loop, struct connection *connection, const char *why)
{
    note_peer(loop, "A connection was closed, because the web server sent %s.", why);
    if (connection->id)
        connection_start_draining(loop, connection); /* an answer may still be on its way */
    else
        connection_close(loop, connection);
}

void connection_drain(struct loop *loop, struct connection *connection)
{
    ssize_t n = recv(connection->fd, loop->bytes, loop->limits.header_bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        connection_close(loop, connection);
}

/* ---- what is written without libfcgi ---- */

/* False: it cannot be written at once, and the connection is of no use then. */
static bool send_records(const struct connection *connection, const unsigned char *records,
                         size_t len)
{
    return send(connection->fd, records, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

/* Ends the requests inside the one that the guard has seen. */
static bool refuse_others(struct loop *loop, struct connection *connection)
{
    const struct guard_result *seen = &loop->seen;
    for (; connection->refused < seen->other_count; connection->refused++) {
        unsigned char record[RECORD_END_SIZE];
        record_write_end(record, seen->others[connection->refused], END_CANT_MPX_CONN);
        if (!send_records(connection, record, sizeof record))
            return false;
        connection->numbers = NUMBERS_MANY;
        note_peer(loop, "A request was refused, because the web server began it inside another "
                        "one on the same connection.");
    }
    return true;
}

/* Answers the request that the guard has seen with an error. */
static bool refuse_request(struct loop *loop, struct connection *connection,
                           const struct oci_error *error)
{
    unsigned char records[ANSWER_MAX + RECORDS_ANSWER_EXTRA];
    respond_error(error, loop->seen.wants_body, &loop->answer);
    note_peer(loop, "A request was answered with %d: %s", error->status, error->message);
    size_t len = records_write_answer(records, loop->seen.id, loop->answer.text, loop->answer.len);

    return send_records(connection, records, len);
}

/* ---- what is taken off a connection ---- */

/* Takes so many bytes; those that have not come yet later. */
static bool take(struct loop *loop, struct connection *connection, size_t length, size_t waiting)
{
    size_t now = length < waiting ? length : waiting;
    connection->skip = (uint32_t)(length - now);
    connection->begun = false;
    connection->refused = 0;
    return now == 0 || recv(connection->fd, loop->bytes, now, MSG_DONTWAIT) == (ssize_t)now;
}

/* Nothing waits on a connection, or its peer is gone (n is what recv said). False. */
static bool nothing_there(struct loop *loop, struct connection *connection, ssize_t n)
{
    bool idle = connection->state == CONNECTION_IDLE || connection->state == CONNECTION_ENDING;
    if (n == 0 || (errno != EAGAIN && errno != EINTR) || (loop->stopping && idle))
        connection_close(loop, connection);
    return false;
}

/* Takes what has come of a record that is ignored. */
static bool skip(struct loop *loop, struct connection *connection)
{
    size_t size = loop->limits.header_bytes;
    size = connection->skip < size ? connection->skip : size;
    ssize_t n = recv(connection->fd, loop->bytes, size, MSG_DONTWAIT);
    if (n <= 0)
        return nothing_there(loop, connection, n);
    connection->skip -= (uint32_t)n;
    return true;
}

/* ---- requests ---- */

/*
 * A request is answered, of which there may be more to come. The connection is not ended
 * at once: nginx may have sent all, and be about to use it again, and would take a
 * connection that ends then for a failed server.
 */
static void end_early(struct loop *loop, struct connection *connection)
{
    table_move(&loop->table, connection,
               connection->numbers == NUMBERS_MANY ? CONNECTION_IDLE : CONNECTION_ENDING,
               loop->now);
}

/*
 * Sends the answer; the connection may be gone afterwards. last: nothing waits behind the
 * request, and no more will be answered.
 */
static void send_answer(struct loop *loop, struct connection *connection, struct parked *request,
                        bool last)
{
    connection->replies = 0;
    if (!handover_answer(&request->handover, &loop->answer))
        forget(loop, connection);
    else if (request->after == AFTER_DRAIN)
        connection_start_draining(loop, connection);
    else if (request->after == AFTER_CLOSE || last)
        connection_close(loop, connection);
    else if (request->after == AFTER_REST)
        end_early(loop, connection);
    else
        table_move(&loop->table, connection, CONNECTION_IDLE, loop->now);
}

/* The request at hand has to wait for its answer. */
static void park(struct loop *loop, struct connection *connection, struct parked *request,
                 bool more)
{
    connection->parked = request;
    connection->more = more;
    connection->gone = false;
    parking_park(&loop->parking, connection);
    table_move(&loop->table, connection, CONNECTION_PARKED, loop->now);
}

/* What becomes of the connection after the request that the guard has seen. */
static enum after_answer what_follows(const struct guard_result *seen, bool more)
{
    if (!seen->keep)
        return seen->clean && !more ? AFTER_CLOSE : AFTER_DRAIN;
    if (seen->again)
        return AFTER_DRAIN; /* its answer and the next one could not be told apart */
    return seen->clean ? AFTER_KEEP : AFTER_REST;
}

/*
 * Whether libfcgi may read from the connection, although it takes up to 8 KB. A web server
 * that sends requests of several numbers may send the next one at any moment, and nothing
 * is known of one that has sent none before.
 */
static bool may_read_on(const struct loop *loop, const struct connection *connection,
                        const struct parked *request, size_t waiting)
{
    const struct guard_result *seen = &loop->seen;
    if (!seen->plain)
        return false;
    if (request->after == AFTER_CLOSE || request->after == AFTER_DRAIN)
        return true;
    return connection->numbers == NUMBERS_ONE && seen->clean && waiting == seen->length;
}

/*
 * Lends the request that the guard has seen to libfcgi: as it waits on the connection, or,
 * where libfcgi would stumble over it or read too far, a copy.
 */
static bool begin_request(struct loop *loop, struct connection *connection, struct parked *request,
                          size_t waiting)
{
    struct guard_result *seen = &loop->seen;
    if (may_read_on(loop, connection, request, waiting))
        return handover_begin(&request->handover, connection->fd, seen->clean);
    size_t len = guard_copy(loop->bytes, seen);
    if (!handover_begin_copy(&request->handover, connection->fd, loop->bytes, len))
        return false;
    if (take(loop, connection, seen->length, waiting))
        return true;
    handover_drop(&request->handover);
    return false;
}

/* Answers the request that the guard has seen. True: there may be more on the connection. */
static bool answer_request(struct loop *loop, struct connection *connection, size_t waiting,
                           bool peer_done)
{
    const struct service *service = loop->service;
    struct parked *request = parking_at_hand(&loop->parking);
    bool may_wait = service->finish && !peer_done && parking_has_room(&loop->parking);
    bool more = waiting > loop->seen.length;
    request->after = what_follows(&loop->seen, more);
    connection->begun = false;
    if (!begin_request(loop, connection, request, waiting))
        forget(loop, connection);
    else if (service->answer(service->ctx, handover_variables(&request->handover),
                             may_wait ? request : NULL, &loop->answer))
        send_answer(loop, connection, request, !more && (peer_done || loop->stopping));
    else
        park(loop, connection, request, more);
    return more && (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_ENDING);
}

/* Part of a request is there. Its time starts with its first part, for a new connection earlier. */
static bool await_rest(struct loop *loop, struct connection *connection, bool peer_done)
{
    if (peer_done) {
        if (loop->seen.id && refuse_request(loop, connection, &error_incomplete))
            connection_start_draining(loop, connection);
        else
            connection_refuse(loop, connection, "only a part of a request");
        return false;
    }
    connection->begun = true;
    if (connection->state != CONNECTION_WAITING)
        table_move(&loop->table, connection, CONNECTION_WAITING, loop->now);
    return false;
}

void connection_expire(struct loop *loop, struct connection *connection)
{
    uint64_t ticket = table_ticket(&loop->table, connection);
    /* Something may have come since, if this process was stopped for a while. */
    connection_serve(loop, connection, false);
    if (!table_find(&loop->table, ticket) || connection->state != CONNECTION_WAITING)
        return;
    if (!connection->begun)
        connection_close(loop, connection);
    else if (loop->seen.id && refuse_request(loop, connection, &error_too_late))
        connection_start_draining(loop, connection);
    else
        connection_refuse(loop, connection, "a part of a request, and not the rest in time");
}

/* ---- one thing after the other ---- */

/* A request's variables are too many; what is left of it is ignored. */
static bool on_too_long(struct loop *loop, struct connection *connection, size_t waiting)
{
    if (!take(loop, connection, loop->seen.length, waiting) ||
        !refuse_request(loop, connection, &error_header_too_long)) {
        connection_close(loop, connection);
        return false;
    }
    if (loop->seen.keep)
        end_early(loop, connection);
    else
        connection_start_draining(loop, connection);
    return loop->seen.keep && connection->state != CONNECTION_FREE;
}

static bool on_reply(struct loop *loop, struct connection *connection, size_t waiting)
{
    const struct guard_result *seen = &loop->seen;
    if (++connection->replies > REPLIES)
        connection_refuse(loop, connection, "one management record after another");
    else if (!take(loop, connection, seen->length, waiting) ||
             !send_records(connection, seen->reply, seen->reply_len))
        connection_close(loop, connection);
    else if (!seen->keep)
        connection_start_draining(loop, connection);
    else
        return true;
    return false;
}

static bool on_ignored(struct loop *loop, struct connection *connection, size_t waiting)
{
    if (take(loop, connection, loop->seen.length, waiting))
        return true;
    connection_close(loop, connection);
    return false;
}

/* A web server's first request has any number, and tells nothing of those to come. */
static void note_number(struct connection *connection, const struct guard_result *seen)
{
    if (!seen->id || (connection->begun && connection->id == seen->id))
        return;
    if (connection->id && connection->id != seen->id)
        connection->numbers = NUMBERS_MANY;
    else if (connection->id && connection->numbers == NUMBERS_UNKNOWN)
        connection->numbers = NUMBERS_ONE;
    connection->id = (uint16_t)seen->id;
}

/* Deals with one thing that waits on a connection. True: there may be more. */
static bool serve_one(struct loop *loop, struct connection *connection, bool peer_done)
{
    struct guard_result *seen = &loop->seen;
    if (connection->skip)
        return skip(loop, connection);
    ssize_t n =
        recv(connection->fd, loop->bytes, loop->limits.header_bytes + 1, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return nothing_there(loop, connection, n);
    guard_check(loop->bytes, (size_t)n, &loop->guard_limits, seen);
    note_number(connection, seen);
    if (!refuse_others(loop, connection)) {
        connection_close(loop, connection);
        return false;
    }
    switch (seen->verdict) {
    case GUARD_REQUEST:
        return answer_request(loop, connection, (size_t)n, peer_done);
    case GUARD_MORE:
        return await_rest(loop, connection, peer_done);
    case GUARD_TOO_LONG:
        return on_too_long(loop, connection, (size_t)n);
    case GUARD_REPLY:
        return on_reply(loop, connection, (size_t)n);
    case GUARD_IGNORE:
        return on_ignored(loop, connection, (size_t)n);
    case GUARD_CLOSE:
        break;
    }
    connection_refuse(loop, connection, seen->why);
    return false;
}

/* Whether there is room for another answer. */
static bool is_writable(const struct connection *connection)
{
    struct pollfd room = {.fd = connection->fd, .events = POLLOUT};
    return poll(&room, 1, 0) == 1;
}

/* A blocked connection is served again when there is room, which may be at once. */
static void set_blocked(struct loop *loop, struct connection *connection, bool blocked)
{
    connection->blocked = blocked;
    if (!connection_watch(loop, connection, blocked ? EPOLLOUT | EPOLLET : EVENTS))
        connection_close(loop, connection);
}

void connection_serve(struct loop *loop, struct connection *connection, bool peer_done)
{
    unsigned rounds = 0;
    if (connection->blocked && !is_writable(connection))
        return;
    if (connection->blocked)
        set_blocked(loop, connection, false);
    while (connection->state != CONNECTION_FREE && serve_one(loop, connection, peer_done)) {
        if (++rounds < ROUNDS && is_writable(connection))
            continue;
        set_blocked(loop, connection, true);
        return;
    }
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
        send_answer(loop, connection, request, !more && (connection->gone || loop->stopping));
        parking_done(&loop->parking, request);
        if (more &&
            (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_ENDING))
            connection_serve(loop, connection, connection->gone);
    }
}
