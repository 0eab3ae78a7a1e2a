/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *newest;
    jmp_buf *way_out; /* of arena_try; NULL outside */
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->newest, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

bool arena_try(struct arena *arena, void (*work)(void *context), void *context)
{
    jmp_buf here;

    if (setjmp(here) != 0)
        return false;
    arena->way_out = &here;
    work(context);
    arena->way_out = NULL;
    return true;
}

static void *give_up(struct arena *arena)
{
    jmp_buf *out = arena->way_out;

    arena->way_out = NULL;
    if (out)
        longjmp(*out, 1);
    return NULL;
}

static struct block *add_block(struct arena *arena, size_t at_least)
{
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    struct block *block = size < SIZE_MAX / 2 ? malloc(sizeof *block + size) : NULL;

    if (!block)
        return NULL;
    block->used = 0;
    block->size = size;
    block->next = arena->newest;
    arena->newest = block;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t step = alignof(max_align_t);
    size_t rounded = size < SIZE_MAX / 2 ? (size + step - 1) / step * step : size;
    struct block *block = arena->newest;

    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    if (!block)
        return give_up(arena);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memset(memory, 0, size); /* not the whole block: a CGI pays for each page touched */
}

char *arena_copy(struct arena *arena, struct slice s)
{
    char *copy = arena_take(arena, s.len + 1);

    if (copy && s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? give_up(arena) : arena_take(arena, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}
