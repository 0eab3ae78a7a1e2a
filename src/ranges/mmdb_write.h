/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree and its records as a MaxMind DB file, format 2.0. */
#ifndef RANGES_MMDB_WRITE_H
#define RANGES_MMDB_WRITE_H

#include <stdio.h>
#include "ranges/prefix_tree.h"

struct mmdb_options {
    int64_t build_epoch;  /* seconds since 1970; 0 becomes 1, since readers refuse 0 */
    unsigned record_size; /* 24, 28 or 32 bits; 0: the smallest that fits */
};

/* What was written. */
struct mmdb_summary {
    size_t nodes, data_bytes;
    unsigned record_size;
};

/*
 * Writes the database to an open file, without flushing it. The bytes depend on
 * the arguments alone. summary may be NULL. False with the error filled if
 * memory is short, the record size asked for is too small, or writing fails.
 *
 * Format: https://maxmind.github.io/MaxMind-DB/
 */
bool mmdb_write(FILE *file, const struct prefix_tree *tree, const struct record_table *table,
                const struct mmdb_options *options, struct mmdb_summary *summary,
                struct range_error *error);

#endif
