/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration, and where. */
#ifndef CORE_PROBLEM_H
#define CORE_PROBLEM_H

#include <stddef.h>
#include <stdio.h>
#include "core/why.h"

enum severity { PROBLEM_ERROR, PROBLEM_WARNING };

/* A place in a configuration file. The name is borrowed; line 0 means the whole file. */
struct origin {
    const char *file;
    unsigned line;
};

struct problem {
    enum severity severity;
    char *file; /* NULL when it concerns no file */
    unsigned line;
    char *text;
    size_t number; /* of all that were added */
};

/* A growing list; start it with {0}. */
struct problems {
    struct problem *list;
    size_t count, errors;
};

/* Adds a problem; all text is copied. */
__attribute__((format(printf, 4, 5))) void problem_add(struct problems *problems,
                                                       enum severity severity, struct origin at,
                                                       const char *format, ...);

/*
 * Puts those of a file into the order of its lines, with those of the whole file behind them; of
 * a line, they stay as they were added.
 */
void problems_sort(struct problems *problems);

/* Prints one problem a line, "file:line: error: text". */
void problems_print(const struct problems *problems, FILE *out);

/* The first error, as it is printed; empty if there is none. */
void problems_first(const struct problems *problems, struct why *why);

/* Frees what the list holds and makes it empty. */
void problems_clear(struct problems *problems);

#endif
