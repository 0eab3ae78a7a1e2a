/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the prober has found out about who holds what, on disk, shared by all
 * processes of a machine. This is the side of those who read; see cache_write.h.
 *
 * The file is LMDB's. Nobody locks it: there is one writer (it holds the prober's
 * lock), and a look-up takes a microsecond, while the writer takes a page again two
 * commits after its last use at the earliest. So a reader looks, and then checks
 * that there was no commit meanwhile; else it looks again. No reader can hold up
 * the writer, and none that is killed leaves anything behind.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdint.h>
#include "holding.h"
#include "state.h"
#include "target.h"

struct cache;

/* Told of each thing that is wrong with the file, once: a whole sentence. */
typedef void cache_log(void *context, const char *text);

/*
 * The cache in a state directory, which is borrowed; opens nothing yet. NULL if there is no
 * memory (with errno), or signpost was built without LMDB: then nothing is ever known.
 */
struct cache *cache_open(const struct state *state, cache_log *log, void *log_context);

/* Closes it; NULL is fine. */
void cache_close(struct cache *cache);

/*
 * Whether a target of a generation (see cache_key) holds an object, at the time now_s (seconds
 * since 1970). Looks for a new file when now_s is another than at the call before; else it costs no
 * system call. A damaged or foreign file knows nothing. cache may be NULL.
 */
enum holding cache_look(struct cache *cache, const struct target *target, int64_t generation,
                        const struct object *object, int64_t now_s);

#endif
