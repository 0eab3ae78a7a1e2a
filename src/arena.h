/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: what a configuration is made of. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include "slice.h"

struct arena;

/* A new, empty arena. Ends the program with a message when there is no memory. */
struct arena *arena_new(void);

/* Frees the arena and all that was taken from it. NULL is fine. */
void arena_free(struct arena *arena);

/* size zeroed bytes, aligned for any type, owned by the arena; never NULL. */
void *arena_take(struct arena *arena, size_t size);

/* Copies with a NUL added, owned by the arena. */
char *arena_copy(struct arena *arena, struct slice s);

/* A formatted string, owned by the arena. */
__attribute__((format(printf, 2, 3))) char *arena_format(struct arena *arena, const char *format,
                                                         ...);

#endif
