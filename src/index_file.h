/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One index file, open: digests, one a line, each line ended by a newline, sorted
 * by their bytes and each there once, as `LC_ALL=C sort -u` makes it. Mapped, and
 * searched in place.
 */
#ifndef INDEX_FILE_H
#define INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include "identity.h"
#include "slice.h"
#include "why.h"

struct index_file {
    const char *at; /* NULL: the file is empty */
    size_t size;
    int map;    /* the guard's number (see mapped.h) */
    bool whole; /* every line has been checked */
    struct identity identity;
};

/*
 * Maps and guards a file, whatever its size at the same cost: only its end is
 * looked at. False, with the reason and nothing left open, if it cannot be read
 * or is torn; errno is 0 unless the system refused it.
 */
bool index_file_open(struct index_file *file, const char *name, struct why *why);

void index_file_close(struct index_file *file);

/* How many digests there are, and of which algorithm. */
struct index_counts {
    size_t all, sha256, sha512;
};

/*
 * Checks every line. False, with the reason ("name:line: …"), if one is no digest,
 * is torn, or not in order. counts may be NULL.
 */
bool index_file_check(struct index_file *file, const char *name, struct index_counts *counts,
                      struct why *why);

enum index_outcome {
    INDEX_ABSENT,
    INDEX_PRESENT,
    INDEX_DAMAGED /* a line that was looked at is none, or out of order */
};

/*
 * Searches for a digest. Where not every line has been checked before, those that
 * are looked at are. Bears any bytes; with the guard's mark set, the outcome means
 * nothing.
 */
enum index_outcome index_file_find(const struct index_file *file, struct slice digest);

#endif
