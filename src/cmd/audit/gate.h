/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to one registry, that several threads share: when it puts one of them off
 * (429), all of them wait, and all stop when a signal says so.
 */
#ifndef CMD_AUDIT_GATE_H
#define CMD_AUDIT_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "registry/client.h"

enum {
    GATE_TRIES_MAX = 40,    /* of a request that is put off: half the answers may be 429 */
    GATE_WAIT_MAX = 10 * 60 /* seconds, the longest Retry-After that is waited for */
};

struct gate {
    pthread_mutex_t lock;
    int64_t closed_until; /* ms of the monotonic clock */
    atomic_size_t requests;
    struct registry_pace pace; /* for the clients of this registry */
};

/* The gate must not move afterwards: its pace points to it. */
void gate_init(struct gate *gate);

void gate_destroy(struct gate *gate);

#endif
