/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a configuration's words their meaning: names become targets, places and rules. */
#ifndef CONFIG_COMPILE_H
#define CONFIG_COMPILE_H

#include "config/configuration.h"
#include "config/settings.h"
#include "core/arena.h"

struct compiler {
    struct config *config; /* what is being filled */
    const struct settings *settings;
    const char *folder; /* where relative file names are taken from */
    struct arena *arena;
    struct problems *problems;
};

/*
 * Fills the configuration from what its file says. Mistakes of meaning are added
 * to problems, all of them. Memory is taken from config->arena.
 */
void compile(struct config *config, const struct settings *settings, const char *folder,
             struct problems *problems);

/* Upstreams, buckets, the canonical ones and the default; needs the places. */
void compile_targets(const struct compiler *compiler);

/* The routing table; needs the targets. */
void compile_rules(const struct compiler *compiler);

/* The index, and who can do without it; needs the rules. */
void compile_index(const struct compiler *compiler);

/* The name of a file that is given relative to the configuration's folder. */
const char *compile_beside(const struct compiler *compiler, const char *file);

/* What the prober is to do. */
void compile_probing(const struct compiler *compiler);

/* The texts of a list of words; their count is that of the words. */
const struct slice *compile_slices(const struct compiler *compiler, const struct words *words);

/* The set that a list of words means, NULL for an empty list. */
const struct place_set *compile_place_set(const struct compiler *compiler,
                                          const struct words *words);

/* The clients that a list of words means, NULL for an empty list. */
const struct client_set *compile_client_set(const struct compiler *compiler,
                                            const struct words *words);

/* The words as they are written in a file, "EU", "AF"; NULL for an empty list. */
const char *compile_words(const struct compiler *compiler, const struct words *words);

#define COMPILE_ERROR(compiler, at, ...)                                                           \
    problem_add((compiler)->problems, PROBLEM_ERROR, (at), __VA_ARGS__)
#define COMPILE_WARNING(compiler, at, ...)                                                         \
    problem_add((compiler)->problems, PROBLEM_WARNING, (at), __VA_ARGS__)

#endif
