/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One index file, open: sorted lines, each ended by a newline and there once, as
 * `LC_ALL=C sort -u` makes it. Mapped, and searched in place.
 *
 *     # a comment; only above all other lines
 *     sha256:<hex> <name>     only the canonical registry has this digest in this repository
 *     sha256:<hex>            … in any repository
 */
#ifndef STATE_INDEX_FILE_H
#define STATE_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include "core/identity.h"
#include "core/slice.h"
#include "core/why.h"

struct index_file {
    const char *at; /* NULL: the file is empty */
    size_t size;
    int map; /* the guard's number (see mapped.h) */
    struct identity identity;
};

/*
 * Maps and guards a file, whatever its size at the same cost: only its first and its last
 * line are looked at. False, with the reason and nothing left open, if it cannot be read,
 * is torn or is no index; errno is 0 unless the system refused it.
 */
bool index_file_open(struct index_file *file, const char *name, struct why *why);

/* The same for a name in an open directory. */
bool index_file_open_in(struct index_file *file, int directory, const char *name, struct why *why);

void index_file_close(struct index_file *file);

/* How many lines there are but comments, and how many of them name a repository. */
struct index_counts {
    size_t all, named;
};

/*
 * Checks every line, for those who write indexes: it takes a second for some 20 million. False,
 * with the reason ("name:line: …"), if one is no line of an index, is torn, or not in order.
 * counts may be NULL.
 */
bool index_file_check(const struct index_file *file, const char *name, struct index_counts *counts,
                      struct why *why);

/* The same for a file under a name, which is opened for it; errno as with index_file_open. */
bool index_file_check_named(const char *name, struct index_counts *counts, struct why *why);

enum index_outcome {
    INDEX_ABSENT,
    INDEX_PRESENT,
    INDEX_DAMAGED /* a line that was looked at is none, or out of order */
};

/*
 * Searches for a digest in a repository. The lines that are looked at are checked. Bears any
 * bytes; with the guard's mark set, the outcome means nothing.
 */
enum index_outcome index_file_find(const struct index_file *file, struct slice digest,
                                   struct slice repository);

#endif
