/* SPDX-License-Identifier: Apache-2.0 */
/* Text built up in a buffer of fixed size. What does not fit is dropped and remembered. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "core/slice.h"

struct text {
    char *at;
    size_t len, size;
    bool overflow;
};

static inline void text_add(struct text *text, struct slice s)
{
    if (s.len > text->size - text->len) {
        text->overflow = true;
        return;
    }
    if (s.len)
        memcpy(text->at + text->len, s.at, s.len);
    text->len += s.len;
}

#define TEXT_ADD(text, literal) text_add((text), SLICE(literal))

/* A whole number in decimal. */
static inline void text_add_number(struct text *text, size_t number)
{
    char digits[24];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + number % 10);
    while (number /= 10);
    text_add(text, (struct slice){digits + n, sizeof digits - n});
}

#endif
