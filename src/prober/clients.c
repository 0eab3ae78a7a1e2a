/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/clients.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PACKETS_AT_ONCE = 64, /* of one client, before others have their turn */
    LAST_PACKETS = 1024   /* of one client, when the prober ends */
};

void clients_init(struct clients *clients, const struct clients_hooks *hooks,
                  const struct door *door, int epoll)
{
    *clients = (struct clients){.hooks = *hooks, .door = door, .epoll = epoll};
    for (size_t slot = 0; slot < CLIENTS_MAX; slot++)
        clients->peers[slot].fd = -1;
}

static uint64_t name_of(const struct clients *clients, size_t slot)
{
    return (uint64_t)clients->peers[slot].generation << 32 | slot;
}

static void drop(struct clients *clients, size_t slot)
{
    struct peer *peer = &clients->peers[slot];
    uint64_t name = name_of(clients, slot);

    epoll_ctl(clients->epoll, EPOLL_CTL_DEL, peer->fd, NULL); /* a child may have it, too */
    close(peer->fd);
    peer->fd = -1;
    peer->generation++;
    clients->count--;
    clients->hooks.gone(clients->hooks.context, name);
}

void clients_drop_all(struct clients *clients)
{
    for (size_t slot = 0; slot < CLIENTS_MAX; slot++)
        if (clients->peers[slot].fd >= 0)
            drop(clients, slot);
}

static size_t free_slot(const struct clients *clients)
{
    size_t slot = 0;

    while (slot < CLIENTS_MAX && clients->peers[slot].fd >= 0)
        slot++;
    return slot;
}

/* False if there is no room. */
static bool take_in(struct clients *clients, int fd)
{
    size_t slot = free_slot(clients);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)slot};

    if (slot == CLIENTS_MAX || epoll_ctl(clients->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return false;
    clients->peers[slot].fd = fd;
    clients->count++;
    clients->accepted++;
    return true;
}

void clients_accept(struct clients *clients)
{
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
        bool turned_away;
        int fd = door_accept(clients->door, &turned_away);
        if (fd < 0 && !turned_away)
            return;
        if (fd >= 0 && take_in(clients, fd))
            continue;
        clients->refused++;
        if (fd >= 0)
            close(fd);
    }
}

/* Whether more may come from this client. */
static bool hear_one(struct clients *clients, size_t slot)
{
    union ask_packet packet;
    ssize_t len = recv(clients->peers[slot].fd, &packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (len > 0 && (size_t)len <= sizeof packet &&
        clients->hooks.take(clients->hooks.context, name_of(clients, slot), &packet, (size_t)len))
        return true;
    drop(clients, slot);
    return false;
}

void clients_hear(struct clients *clients, size_t slot)
{
    for (int i = 0; i < PACKETS_AT_ONCE && clients->peers[slot].fd >= 0; i++)
        if (!hear_one(clients, slot))
            return;
}

void clients_hear_last(struct clients *clients)
{
    for (size_t slot = 0; slot < CLIENTS_MAX; slot++)
        for (int i = 0; i < LAST_PACKETS && clients->peers[slot].fd >= 0; i++)
            if (!hear_one(clients, slot))
                break;
}

void clients_answer(struct clients *clients, uint64_t name, const struct ask_answer *answer)
{
    size_t slot = name & UINT32_MAX;

    if (name_of(clients, slot) != name || clients->peers[slot].fd < 0)
        return;
    if (send(clients->peers[slot].fd, answer, sizeof *answer, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        clients->dropped++;
}
