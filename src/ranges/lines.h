/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over the lines of a text format, and over the fields of a line. */
#ifndef RANGES_LINES_H
#define RANGES_LINES_H

#include "ranges/read.h"

struct lines {
    const struct range_input *input;
    struct slice rest;
    unsigned long number; /* of the line last given */
};

/* Starts at the first line, behind a byte order mark. */
struct lines lines_of(const struct range_input *input);

/*
 * The next line, without its end (LF, CRLF or the end of the text) and without
 * blanks around it. False at the end.
 */
bool lines_next(struct lines *lines, struct slice *line);

/* Cuts the next field off a line that separators part; blanks around it go too. */
struct slice line_field(struct slice *line, char separator);

/* A printable copy of a value for messages, cut short where it is long. Returns text. */
enum { QUOTED_TEXT = 80 };
const char *range_quote(struct slice value, char text[QUOTED_TEXT]);

/* Fails with "name:line: " in front. */
#define line_fail(lines, error, format, ...)                                                       \
    range_fail((error), "%s:%lu: " format, (lines)->input->name, (lines)->number, __VA_ARGS__)

/* Fails if the line is longer than any of these formats needs. */
bool line_check(const struct lines *lines, struct slice line, struct range_error *error);

/* Reads a prefix that stands in a line, or fails. */
bool line_prefix(const struct lines *lines, struct slice text, struct prefix *prefix,
                 struct range_error *error);

/* Reads "2026-07-29T07:05:53…" or "2026-07-29-08-27-05" or "20260729"; 0 if it is no date. */
int64_t line_date(struct slice text);

#endif
