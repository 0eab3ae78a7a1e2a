/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the prober has found out about who holds what, in a table shared by all processes
 * of a machine. This is the side of those who read; see cache_table.h and cache_write.h.
 * It is advice: it may be lost at any time.
 */
#ifndef STATE_CACHE_H
#define STATE_CACHE_H

#include <stdint.h>
#include "state/cache_table.h"
#include "state/state.h"

struct cache;

/* Told of each thing that is wrong with the file, once: a whole sentence. */
typedef void cache_log(void *context, const char *text);

/*
 * The cache in a state directory, which is borrowed; opens nothing yet. NULL if there is no
 * memory.
 */
struct cache *cache_open(const struct state *state, struct cache_lifetimes lifetimes,
                         cache_log *log, void *log_context);

/* Closes it; NULL is fine. */
void cache_close(struct cache *cache);

/*
 * Whether a target holds an object, at the time now_s (seconds since 1970). Looks for a new file
 * when now_s is another than at the call before; else it costs no system call. A damaged or
 * foreign file knows nothing. hash: of the object, kept by the caller from one target to the
 * next at the same time. cache may be NULL.
 */
enum holding cache_look(struct cache *cache, const struct target *target,
                        const struct object *object, struct cache_hash *hash, int64_t now_s);

#endif
