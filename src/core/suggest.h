/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nearest known name for a misspelt one, by Damerau-Levenshtein distance
 * (optimal string alignment: insert, delete, replace, swap neighbours), in any
 * case of letters.
 */
#ifndef CORE_SUGGEST_H
#define CORE_SUGGEST_H

#include <stddef.h>
#include "core/slice.h"

/* A search over names that come one by one. */
struct suggestion {
    struct slice unknown;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;  /* only nearer names are taken */
};

/* Starts a search. A name is near enough if about a third of its letters differ. */
struct suggestion suggest_start(struct slice unknown);

/* Looks at one name; it must outlive the suggestion. The first of equals is kept. */
void suggest_try(struct suggestion *suggestion, const char *name);

/* Room for a question about a name. */
struct suggestion_text {
    char text[96];
};

/* How a sentence about an unknown name ends: "; did you mean \"us\"?", or "." */
struct suggestion_text suggest_ending(const char *best);

/* The nearest of n names, or NULL if none is near enough. */
const char *suggest(struct slice unknown, const char *const *names, size_t n);

#endif
