/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as data: each is described once, in a table, from which the reader
 * below, the commented signpost.conf and the manual page are made.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "config/tree.h"
#include "core/arena.h"
#include "core/problem.h"
#include "core/slice.h"

/* A string of a configuration file and where it stands. */
struct word {
    struct slice text; /* NUL-terminated; .at is NULL where the option is not set */
    struct origin at;
};

struct words {
    struct word *item;
    size_t count;
};

/* The elements of a list of groups: count structs of the group's size. */
struct groups {
    void *item;
    size_t count;
};

/* A part from 0 to 1, or a rate: then the part is 1. */
struct limit {
    double part, per_second; /* per_second is 0 for none */
};

enum option_type {
    OPTION_STRING, /* struct word */
    OPTION_WORDS,  /* struct words: an array, a list or a single string */
    OPTION_LISTS,  /* struct groups of struct words: the same, whose elements may be lists */
    OPTION_NUMBER, /* double */
    OPTION_LIMIT,  /* struct limit: a number, or a rate such as "50/s" */
    OPTION_FLAG,   /* bool */
    OPTION_CHOICE, /* int: the index of one of `choices` */
    OPTION_GROUPS  /* struct groups: a list of groups, or a group of named groups */
};

struct option_group;

struct option_spec {
    const char *name;
    enum option_type type;
    size_t offset; /* of the value in the group's struct */
    bool required;

    /* What it must be. valid() is asked for each string; expects says it in words. */
    bool (*valid)(struct slice text);
    const char *expects;
    double min, max;               /* OPTION_NUMBER */
    const char *const *choices;    /* OPTION_CHOICE, ended by NULL */
    const struct option_group *of; /* OPTION_GROUPS */

    /* What it is when it is not set. */
    const char *text_default;
    const char *const *words_default; /* ended by NULL */
    double number_default;

    const char *unit;
    const char *section; /* starts a new part of the documentation with this title */
    const char *help;    /* whole sentences; a line break is kept */
    const char *example; /* a value as it is written in a file, where the default says little */
};

/*
 * An option of former versions: for one release it is accepted with a warning, and its value
 * ignored, so that an upgrade stops nothing. In the release after that it is taken out here.
 */
struct option_retired {
    const char *name;    /* NULL ends a list */
    const char *since;   /* the version that ignores it first */
    const char *instead; /* what to do about it: a sentence without a period */
};

struct option_group {
    const char *name; /* "upstream"; NULL for the file itself */
    const struct option_spec *options;
    size_t count;
    size_t size;             /* of the struct that holds one */
    size_t origin_offset;    /* of a struct origin: where the group begins */
    const char *key_option;  /* the option that a named group's key sets, or NULL */
    const char *word_option; /* the option that a bare string in the list sets, or NULL */
    const struct option_retired *retired; /* NULL: none */
};

struct option_reader {
    struct arena *arena;
    struct problems *problems;
};

/*
 * Reads a group into *into (a struct of group->size bytes, zeroed), with defaults for what
 * is not set. What is wrong is added to the reader's problems and left at its default. All
 * memory is taken from the reader's arena, within arena_try; texts are the tree's.
 */
void options_read(struct option_reader *reader, const struct option_group *group,
                  const struct node *setting, void *into);

#endif
