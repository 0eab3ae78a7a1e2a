/* SPDX-License-Identifier: Apache-2.0 */
/* The responders that are connected to the prober: packets in, answers out. */
#ifndef PROBER_CLIENTS_H
#define PROBER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "prober/door.h"
#include "state/ask.h"

enum { CLIENTS_MAX = 512 };

/* A client's name is its slot and a number that tells it from those there before. */
struct clients_hooks {
    /* A packet has come. False: it is malformed, and the client is dropped. */
    bool (*take)(void *context, uint64_t name, const union ask_packet *packet, size_t len);
    void (*gone)(void *context, uint64_t name);
    void *context;
};

struct peer {
    int fd; /* -1: free */
    uint32_t generation;
};

struct clients {
    struct clients_hooks hooks;
    const struct door *door;
    int epoll; /* watches them, with their slot as data.u32 */
    struct peer peers[CLIENTS_MAX];
    size_t count;
    uint64_t accepted, refused;
    uint64_t dropped; /* answers that found no room */
};

/* No clients yet. The door and the epoll descriptor are the caller's. */
void clients_init(struct clients *clients, const struct clients_hooks *hooks,
                  const struct door *door, int epoll);

/* Lets in who waits at the door. */
void clients_accept(struct clients *clients);

/* Hears what the client of a slot has sent. */
void clients_hear(struct clients *clients, size_t slot);

/* Hears what all have sent, before the prober ends: nothing of what was reported is to be lost. */
void clients_hear_last(struct clients *clients);

/* Sends an answer, if the client is still there. */
void clients_answer(struct clients *clients, uint64_t name, const struct ask_answer *answer);

void clients_drop_all(struct clients *clients);

#endif
