/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/audit/gate.h"

#include <time.h>
#include "cmd/progress.h"

enum { LOOK_MS = 100 /* how often a thread that waits looks whether to stop */ };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long the gate stays closed, after it was closed for more seconds. */
static int64_t close_for(struct gate *gate, double seconds)
{
    int64_t now = now_ms(), until = now + (int64_t)(seconds * 1000);

    pthread_mutex_lock(&gate->lock);
    if (until > gate->closed_until)
        gate->closed_until = until;
    int64_t left = gate->closed_until - now;
    pthread_mutex_unlock(&gate->lock);
    return left;
}

/* As registry_pace wants it. */
static bool pass(void *context, double seconds)
{
    struct gate *gate = context;

    for (int64_t left; (left = close_for(gate, seconds)) > 0; seconds = 0) {
        if (interrupt_came())
            return false;
        struct timespec nap = {0, (long)(left < LOOK_MS ? left : LOOK_MS) * 1000000};
        nanosleep(&nap, NULL);
    }
    atomic_fetch_add_explicit(&gate->requests, 1, memory_order_relaxed);
    return !interrupt_came();
}

void gate_init(struct gate *gate)
{
    pthread_mutex_init(&gate->lock, NULL);
    gate->closed_until = 0;
    atomic_init(&gate->requests, 0);
    gate->pace = (struct registry_pace){.wait = pass,
                                        .context = gate,
                                        .tries_max = GATE_TRIES_MAX,
                                        .wait_max_seconds = GATE_WAIT_MAX};
}

void gate_destroy(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}
