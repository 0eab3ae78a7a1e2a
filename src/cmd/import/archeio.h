/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of somebody's archeio, the redirector of registry.k8s.io, and what it comes to. */
#ifndef CMD_IMPORT_ARCHEIO_H
#define CMD_IMPORT_ARCHEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "core/slice.h"
#include "core/why.h"

enum archeio_setting {
    ARCHEIO_UPSTREAM,
    ARCHEIO_PATH,
    ARCHEIO_SIGNATURES,
    ARCHEIO_BUCKET,
    ARCHEIO_VARIABLES,                    /* those before are environment variables */
    ARCHEIO_LOCATION = ARCHEIO_VARIABLES, /* the cloud region that it runs in */
    ARCHEIO_SETTINGS
};

/* The variables' names, "UPSTREAM_REGISTRY_ENDPOINT" …; the last is Cloud Run's label. */
extern const char *const archeio_names[ARCHEIO_SETTINGS];

enum { ARCHEIO_SERVICES_MAX = 128, ARCHEIO_VALUE_MAX = 1024 };

/* One running archeio; empty strings where nothing is set. */
struct archeio_service {
    char value[ARCHEIO_SETTINGS][ARCHEIO_VALUE_MAX];
};

/* Usually one for each region, all of the same public name. Start it with {0}. */
struct archeio {
    struct archeio_service *service;
    size_t count;
};

/*
 * Notes that the service at hand has this setting; one that it has already begins the next
 * service. Copies the value. False, with the reason: it is not what the setting must be, or
 * there are too many.
 */
bool archeio_set(struct archeio *archeio, enum archeio_setting setting, struct slice value,
                 struct why *why);

/* What the next setting belongs to is another service. */
bool archeio_begin(struct archeio *archeio, struct why *why);

/* Takes the settings from this process's environment. */
bool archeio_from_environment(struct archeio *archeio, struct why *why);

/*
 * Prints a commented configuration that does the same under this public name. False, with
 * the reason: no upstream is set, or two services contradict each other.
 */
bool archeio_print(const struct archeio *archeio, const char *public_name, FILE *out,
                   struct why *why);

/* Frees what it holds. */
void archeio_clear(struct archeio *archeio);

#endif
