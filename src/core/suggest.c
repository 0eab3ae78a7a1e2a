/* SPDX-License-Identifier: Apache-2.0 */
#include "core/suggest.h"

#include <stdio.h>

#include <stdint.h>

enum { NAME_MAX_LEN = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The distance of two words, both at most NAME_MAX_LEN long. */
static size_t distance(struct slice a, struct slice b)
{
    uint8_t rows[3][NAME_MAX_LEN + 1];
    uint8_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        last[j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = fold(a.at[i - 1]), y = fold(b.at[j - 1]);
            size_t d = least(last[j - 1] + (x != y), least(last[j], row[j - 1]) + 1u);
            if (i > 1 && j > 1 && x == fold(b.at[j - 2]) && fold(a.at[i - 2]) == y)
                d = least(d, before[j - 2] + 1u);
            row[j] = (uint8_t)d;
        }
        uint8_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

struct suggestion suggest_start(struct slice unknown)
{
    size_t near = unknown.len < 3 ? unknown.len : unknown.len / 3 + 2;

    return (struct suggestion){.unknown = unknown, .distance = near};
}

void suggest_try(struct suggestion *s, const char *name)
{
    struct slice known = slice_of(name);
    size_t apart =
        known.len > s->unknown.len ? known.len - s->unknown.len : s->unknown.len - known.len;

    if (!known.len || known.len > NAME_MAX_LEN || s->unknown.len > NAME_MAX_LEN ||
        apart >= s->distance)
        return;
    size_t d = distance(s->unknown, known);
    if (d < s->distance && d < known.len) {
        s->distance = d;
        s->best = name;
    }
}

const char *suggest(struct slice unknown, const char *const *names, size_t n)
{
    struct suggestion s = suggest_start(unknown);

    for (size_t i = 0; i < n; i++)
        suggest_try(&s, names[i]);
    return s.best;
}

struct suggestion_text suggest_ending(const char *best)
{
    struct suggestion_text ending = {"."};

    if (best)
        snprintf(ending.text, sizeof ending.text, "; did you mean \"%.70s\"?", best);
    return ending;
}
