/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment variables of archeio, the redirector of registry.k8s.io, so
 * that signpost can take its place: UPSTREAM_REGISTRY_ENDPOINT,
 * UPSTREAM_REGISTRY_PATH, SIGNATURE_UPSTREAM_ENDPOINT and DEFAULT_AWS_BASE_URL.
 */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include <stdbool.h>
#include "config/tree.h"
#include "core/problem.h"

/* Whether the variables are a configuration by themselves; if not, a problem says what to do. */
bool environment_is_enough(struct problems *problems);

/* The variables, ended by NULL: what a process must be given to come to the same configuration. */
extern const char *const environment_names[];

/*
 * Writes what the variables say into a configuration, over what it says itself.
 * Where it came from no file, what every configuration needs is added too. A
 * variable that cannot be used is left out, and a problem says so. Memory is taken from
 * the arena, within arena_try.
 */
void environment_apply(struct arena *arena, struct node *root, bool from_file,
                       struct problems *problems);

#endif
