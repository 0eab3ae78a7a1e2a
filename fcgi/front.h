/* SPDX-License-Identifier: Apache-2.0 */
/* The front door as a service for the loop: a configuration that can be exchanged. */
#ifndef FRONT_H
#define FRONT_H

#include <stdbool.h>
#include "asker.h"
#include "config/configuration.h"
#include "log/notes.h"
#include "loop.h"
#include "reporter.h"
#include "state/knowledge.h"
#include "state/refusal.h"
#include "usage.h"

/* A configuration and what is known with it. A parked request keeps its own. */
struct setup {
    unsigned users;
    struct config *config;
    struct knowledge knowledge;
    struct counters *counters; /* NULL: nothing is counted */
    struct usage *usage;       /* NULL: the prober is not told */
};

struct front {
    const char *file;          /* as given on the command line; NULL: looked for each time */
    struct setup *setup;       /* NULL: the configuration is refused, and 503 the answer to all */
    struct refusal *refusal;   /* NULL, as the next: this is a CGI */
    struct presence *presence; /* what commands know of this process */
    struct loop *loop;         /* NULL: this is a CGI, or the loop has ended */
    struct asker *asker;       /* NULL: the prober is not asked */
    struct reporter reporter;
    struct log log;
    struct notes notes;
    bool under_systemd;   /* it has started this process, and starts the prober */
    uint64_t start_at;    /* when the prober may be started next */
    uint64_t start_pause; /* ms since the time before, 0: it has not been started in vain */
    uint64_t connections; /* to probers so far, to know a new one */
    struct why connecting, starting; /* what was said last of each, not to say it again */
};

/* A front door without a configuration; file and under_systemd as above. */
void front_init(struct front *front, const char *file, bool under_systemd);

/* Loads the configuration of a CGI. False: it was refused, and stderr says why. */
bool front_load(struct front *front);

/*
 * Loads the configuration of a process that stays. False only without memory: a configuration
 * that is refused is read again until it is right, and until then 503 is the answer to all.
 */
bool front_start(struct front *front);

/* Answers one request outside of a loop, with 503 if there is no configuration. */
void front_respond(struct front *front, char *const *variables, struct answer *written);

/* Frees the configuration, writes what waits to be logged and closes what is used. */
void front_close(struct front *front);

/*
 * What the loop serves with; it reloads on SIGHUP, and when the control file says
 * so. While the configuration is refused, it is read again about once a second. As soon as
 * it is taken the loop retires, since the next one is to have the limits that it sets. front
 * must outlive the service.
 */
struct service front_service(struct front *front);

/* The configuration's limits for a loop, or the usual ones. */
struct loop_limits front_limits(const struct front *front);

/*
 * From here on requests may wait in the loop for the prober, which is started if
 * there is none and this is the place to. Without memory they never wait.
 */
void front_attach(struct front *front, struct loop *loop, unsigned max_parked);

/* The loop is gone: nobody waits any more. */
void front_detach(struct front *front);

/* Writes a sentence for the operator on stderr, without waiting for room there. */
void front_say(struct front *front, const char *sentence);

#endif
