/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share: a condition that must hold, and the input taken piece by piece. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

struct input {
    const uint8_t *at;
    size_t left;
};

/* The next byte, 0 at the end. */
static inline unsigned take_byte(struct input *input)
{
    if (!input->left)
        return 0;
    input->left--;
    return *input->at++;
}

/* A number below count, which is not 0. */
static inline size_t take_below(struct input *input, size_t count)
{
    return take_byte(input) % count;
}

/* A number of so many bytes. */
static inline uint64_t take_number(struct input *input, size_t bytes)
{
    uint64_t number = 0;

    while (bytes-- > 0)
        number = number << 8 | take_byte(input);
    return number;
}

/* The next bytes, as many as there are of len. */
static inline struct slice take_bytes(struct input *input, size_t len)
{
    struct slice bytes = {(const char *)input->at, len < input->left ? len : input->left};

    input->at += bytes.len;
    input->left -= bytes.len;
    return bytes;
}

/* A copy with nothing behind it, so that a read beyond its end is seen; to be freed. */
static inline void *tight_copy(struct slice bytes)
{
    void *copy = malloc(bytes.len ? bytes.len : 1);

    must(copy, "there is memory");
    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    return copy;
}

/* The rest as text, to be freed; it ends at the first NUL. */
static inline char *take_text(struct input *input)
{
    struct slice rest = take_bytes(input, input->left);
    char *text = strndup(rest.len ? rest.at : "", rest.len);

    must(text, "there is memory");
    return text;
}

#endif
