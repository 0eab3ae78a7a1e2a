/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's listening socket: who comes, and what to do when there is no room. */
#include "listen.h"
#include "loop_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    PAUSE_MS = 250,    /* before the listening socket is tried again when descriptors are out */
    SETTLED_MS = 1000, /* a kept connection idle for so long may be closed to make room */
};

void listener_resume(struct loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = LISTENER_TICKET};
    loop->listening = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener, &event) == 0;
    loop->resume_at = loop->listening ? UINT64_MAX : loop->now + PAUSE_MS;
}

/* No room for another connection: looks away for a while, rather than spin. */
static void listener_pause(struct loop *loop)
{
    if (loop->listening)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
    loop->listening = false;
    loop->room_made = false;
    loop->resume_at = loop->now + PAUSE_MS;
}

/*
 * Closes the kept connection that has been idle longest, if that is long enough. One on
 * which a request has come by now is idle no more.
 */
static bool make_room(struct loop *loop)
{
    struct connection *oldest = loop->table.queue[CONNECTION_IDLE].first;
    char byte;
    while (oldest && loop->now - oldest->since >= SETTLED_MS) {
        if (recv(oldest->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
            connection_close(loop, oldest);
            return true;
        }
        oldest = oldest->behind;
    }
    return false;
}

static void welcome(struct loop *loop, int fd)
{
    struct connection *connection = table_take(&loop->table, fd, loop->now);
    uint64_t ticket = table_ticket(&loop->table, connection);
    /* Most often the request has come with the connection; many end with it, too. */
    connection_serve(loop, connection, false);
    if (!table_find(&loop->table, ticket) || connection->watched ||
        connection_watch(loop, connection, EPOLLIN | EPOLLRDHUP | EPOLLET))
        return;
    if (connection->state == CONNECTION_PARKED)
        connection_on_parked(loop, connection, EPOLLERR);
    else
        connection_close(loop, connection);
}

enum accepted { ACCEPTED, NOBODY, NO_ROOM };

static enum accepted accept_one(struct loop *loop)
{
    struct sockaddr_storage peer;
    if (!loop->table.queue[CONNECTION_FREE].first)
        return NO_ROOM;
    int fd = listen_accept(loop->listener, &peer);
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM))
        return ACCEPTED; /* whom it was is gone already; another may wait */
    if (fd < 0)
        return errno == EAGAIN ? NOBODY : NO_ROOM;
    if (loop->peers && !peers_allow(loop->peers, (struct sockaddr *)&peer)) {
        loop->counters->strangers++;
        close(fd);
    } else {
        loop->counters->accepted++;
        welcome(loop, fd);
    }
    return ACCEPTED;
}

/*
 * Room is made only for the first, of whom epoll has told: whether another one
 * waits is not known, and if so epoll will tell again.
 */
void listener_accept(struct loop *loop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        enum accepted accepted = accept_one(loop);
        if (accepted == NO_ROOM && i == 0 && make_room(loop))
            accepted = accept_one(loop);
        if (accepted == ACCEPTED)
            continue;
        if (accepted == NO_ROOM && i == 0)
            listener_pause(loop);
        return;
    }
}

/* Descriptor 0 stays taken, so that nothing opened later gets that number. */
void listener_close(struct loop *loop)
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
