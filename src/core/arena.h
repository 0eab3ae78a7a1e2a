/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: what a configuration is made of. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"

struct arena;

/* A new, empty arena; NULL if there is no memory. */
struct arena *arena_new(void);

/* Frees the arena and all that was taken from it. NULL is fine. */
void arena_free(struct arena *arena);

/*
 * Does work that takes memory from the arena, and returns whether it came to its end. If
 * there is not enough memory, the work is left where it was (by longjmp), so that no taking
 * needs a check of its own: what the work holds besides must be within the caller's reach.
 * Not to be nested.
 */
bool arena_try(struct arena *arena, void (*work)(void *context), void *context);

/*
 * Sets so many bytes aside that are taken next, and that child processes share: what a child
 * writes there is there for its parent, at the same address. False if there is no memory.
 */
bool arena_share(struct arena *arena, size_t size);

/* arena_try for a child process: only what is set aside and shared is taken. */
bool arena_try_shared(struct arena *arena, void (*work)(void *context), void *context);

/*
 * size zeroed bytes, aligned for any type, owned by the arena. Within arena_try never NULL;
 * elsewhere NULL if there is no memory, as from the next two.
 */
void *arena_take(struct arena *arena, size_t size);

/* Copies with a NUL added, owned by the arena. */
char *arena_copy(struct arena *arena, struct slice s);

/* A formatted string, owned by the arena. */
__attribute__((format(printf, 2, 3))) char *arena_format(struct arena *arena, const char *format,
                                                         ...);

#endif
