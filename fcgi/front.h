/* SPDX-License-Identifier: Apache-2.0 */
/* The front door as a service for the loop: a configuration that can be exchanged. */
#ifndef FRONT_H
#define FRONT_H

#include <stdbool.h>
#include "configuration.h"
#include "knowledge.h"
#include "loop.h"

struct front {
    const char *file; /* as given on the command line; NULL: looked for each time */
    struct config *config;
    struct knowledge knowledge;
};

enum front_voice {
    FRONT_ERRORS, /* on stderr, only why a configuration is refused */
    FRONT_ALL     /* warnings, too */
};

/*
 * Loads the configuration in place of the one there is. False: it was refused,
 * stderr says why, and the former one stays.
 */
bool front_load(struct front *front, enum front_voice voice);

/* Frees the configuration and closes what it uses. */
void front_close(struct front *front);

/*
 * What the loop serves with; it reloads on SIGHUP, and when the control file says
 * so. A configuration must be loaded; front must outlive the service.
 */
struct service front_service(struct front *front);

/* Prints a sentence for the operator on stderr. */
void front_say(const char *sentence);

#endif
