/* SPDX-License-Identifier: Apache-2.0 */
/* From files of address ranges to one database. */
#ifndef RANGES_COMPILE_H
#define RANGES_COMPILE_H

#include "ranges/mmdb_write.h"
#include "ranges/prefix_tree.h"
#include "ranges/read.h"

/* What was made, for the user. */
struct compiled {
    size_t prefixes, conflicts;
    struct mmdb_summary file;
    bool same; /* the file had these bytes already and was left alone */
};

/*
 * Settles the list and writes it to path, atomically. The build date is
 * SOURCE_DATE_EPOCH from the environment if set, else the newest date that the
 * inputs state of themselves, else 1970: never the clock, so that the same input
 * gives the same bytes. False with the error filled; the old file then stays.
 */
bool compile_list(struct range_list *list, const char *path, struct compiled *compiled,
                  struct range_error *error);

/* Settles a list and builds its tree; free it in any case. */
bool compile_tree(struct range_list *list, struct prefix_tree *tree, size_t *conflicts,
                  struct range_error *error);

/*
 * Reads a file of ranges into the list; its input's name and text are filled from
 * path, the rest of it says how to read.
 */
bool compile_read(struct range_list *list, const char *path, struct range_input how,
                  struct range_error *error);

#endif
