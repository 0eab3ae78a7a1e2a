/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes that somebody else owns; not NUL-terminated. */
#ifndef CORE_SLICE_H
#define CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *at;
    size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_of(const char *string)
{
    return (struct slice){string, string ? strlen(string) : 0};
}

/* The slice without its first n bytes; n is at most its length. */
static inline struct slice slice_from(struct slice s, size_t n)
{
#ifdef __clang_analyzer__
    if (n > s.len || (s.len && !s.at))
        __builtin_unreachable();
#endif
    return n ? (struct slice){s.at + n, s.len - n} : s; /* NULL + 0 is undefined */
}

/* The first n bytes of the slice; n is at most its length. */
static inline struct slice slice_to(struct slice s, size_t n)
{
    return (struct slice){s.at, n};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Bytewise, as memcmp and `LC_ALL=C sort` do. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.at, b.at, least) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice start)
{
    return s.len >= start.len && slice_equal(slice_to(s, start.len), start);
}

static inline bool slice_ends(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_equal(slice_from(s, s.len - end.len), end);
}

static inline bool slice_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The slice without the spaces, tabs and line ends around it. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.len && slice_is_blank(s.at[0]))
        s = slice_from(s, 1);
    while (s.len && slice_is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

#endif
