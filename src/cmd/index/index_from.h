/* SPDX-License-Identifier: Apache-2.0 */
/* signpost index add --from: digests and names from those who have them at hand. */
#ifndef CMD_INDEX_INDEX_FROM_H
#define CMD_INDEX_INDEX_FROM_H

#include <stdbool.h>
#include "core/slice.h"
#include "core/why.h"

/*
 * Takes apart "DIGEST NAME", "DIGEST" or "[HOST/]NAME@DIGEST"; without a name, that is empty.
 * host: of the registry, which alone may stand before a name; empty: it is not known. False: it
 * is none of these.
 */
bool index_from_line(struct slice line, struct slice host, struct slice *digest,
                     struct slice *name);

/*
 * False, with the rest of a sentence that begins with the name, if that begins with a host, and
 * the registry's is not known.
 */
bool index_from_host(struct slice name, struct slice host, struct why *why);

/*
 * Adds all lines of a file ("-": standard input), in any order, to an index, and prints how many.
 * Nothing is added where one line is wrong. False with the reason.
 */
bool index_from(const char *file, struct slice host, const char *index, struct why *why);

#endif
