/* SPDX-License-Identifier: Apache-2.0 */
/* The registries of a configuration that an audit compares. */
#ifndef CMD_AUDIT_REGISTRIES_H
#define CMD_AUDIT_REGISTRIES_H

#include <stdbool.h>
#include <stddef.h>

struct config;

struct registry {
    const char *name; /* the configuration's */
    char *url;        /* without a slash at its end */
    char *prefix;     /* of the repositories, perhaps empty */
};

struct registries {
    struct registry *list; /* the first canonical, then the upstreams that are elsewhere */
    size_t count;
    const char **hosts; /* URLs of all targets: redirects may lead there */
    size_t host_count;
};

/* False without memory. End with registries_clear. */
bool registries_of(struct registries *registries, const struct config *config);

void registries_clear(struct registries *registries);

#endif
