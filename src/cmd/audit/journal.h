/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of an audit, one for each repository, in a file: a JSON object a line,
 * the first of which says what the file is. So memory stays small, and an audit that
 * was stopped, however, goes on where it was: a line that was not written whole is
 * cut off, and its repository read again.
 */
#ifndef CMD_AUDIT_JOURNAL_H
#define CMD_AUDIT_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "cmd/audit/registries.h"
#include "core/why.h"

enum { JOURNAL_VERSION = 1, JOURNAL_LINE_MAX = 256 << 20 /* bytes */ };

struct journal;

/*
 * Opens a file to go on with, or makes it; nobody else may use it meanwhile. With
 * path NULL the records are kept in a temporary file that has no name. NULL with the
 * reason if the file cannot be used, or is not of an audit of these registries with
 * or without contents.
 */
struct journal *journal_open(const char *path, const struct registries *registries, bool contents,
                             struct why *why);

/*
 * Closes the journal; remove: the file is not wanted any more. NULL is fine. False with the
 * reason if it could not be removed.
 */
bool journal_close(struct journal *journal, bool remove, struct why *why);

/* Whether there is a record of a repository, of which all could be read. */
bool journal_has(const struct journal *journal, const char *repository);

/* Adds a record, in place of one before. False with the reason if it cannot be written. */
bool journal_add(struct journal *journal, const json_t *record, struct why *why);

/*
 * Reads the records, by the repositories' names. False with the reason if the file
 * cannot be read any more, or take returned false (without a reason).
 */
bool journal_each(struct journal *journal, bool (*take)(void *context, const json_t *record),
                  void *context, struct why *why);

/* How many repositories there are records of, and of how many of them not all could be read. */
size_t journal_count(const struct journal *journal, size_t *unread);

#endif
