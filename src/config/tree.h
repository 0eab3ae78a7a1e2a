/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in libconfig's language as a tree, read by libconfig and written. libconfig 1.5 crashes
 * or ends the process if an allocation fails, so a process that serves has it run in a child.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "core/arena.h"
#include "core/problem.h"
#include "core/slice.h"
#include "core/why.h"

enum node_type {
    NODE_GROUP, /* { a = 1; } */
    NODE_LIST,  /* ( "x", 1, { } ) */
    NODE_ARRAY, /* [ 1, 2 ]: of scalars of one type */
    NODE_STRING,
    NODE_INTEGER,
    NODE_FLOAT,
    NODE_FLAG
};

struct node {
    enum node_type type;
    const char *name; /* NULL: an element of a list or an array, or the whole */
    struct origin at;
    const char *text; /* of a scalar: a string's bytes, or as it is written; NUL-terminated */
    double number;
    bool flag;
    size_t count; /* of what is in it: from first, by next */
    struct node *parent, *next, *first, *last;
};

/* What is wrong with a text, and where. */
struct tree_error {
    struct origin at;
    struct why why;
    bool is_starved; /* nothing need be wrong: there was no memory, process or time to read it */
};

/*
 * Gives the text of a file that is included, and the file's name for messages; both must
 * live as long as the arena. False with the reason.
 */
typedef bool tree_include(void *context, const char *name, struct slice *text, const char **file,
                          struct why *why);

struct tree_reader {
    struct arena *arena;   /* all of the tree is in it; to be used within arena_try */
    tree_include *include; /* NULL: nothing may be included */
    void *context;
    bool in_child; /* for a process that must not end, though there be no memory */
};

/* Reads a text, of a file of this name (borrowed; NULL: of none). NULL with the error. */
struct node *tree_read(const struct tree_reader *reader, struct slice text, const char *file,
                       struct tree_error *error);

/* The member of a group, NULL if there is none or it is no group. */
struct node *tree_member(const struct node *group, const char *name);

/* A member that is a string; NULL if there is none. */
const char *tree_text(const struct node *group, const char *name);

/*
 * Adds an empty group, list or array, or a scalar whose value the caller fills in, to a
 * group (under a name, which is borrowed) or to a list or an array (name NULL). NULL where
 * it has no place: in a scalar, under a name that is taken, or in an array of another type.
 */
struct node *tree_add(struct arena *arena, struct node *parent, const char *name,
                      enum node_type type);

/* The same for a string, which is copied. */
struct node *tree_add_text(struct arena *arena, struct node *parent, const char *name,
                           const char *text);

/* Takes a node out of its parent. NULL is fine. */
void tree_remove(struct node *node);

/* Writes the members of a group, a line each. */
void tree_write(const struct node *group, FILE *out);

#endif
