/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
    bool is_shared;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *newest;
    jmp_buf *way_out; /* of arena_try; NULL outside */
    bool only_shared; /* memory may be taken */
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
        if (block->is_shared)
            munmap(block, sizeof *block + block->size);
        else
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

bool arena_try_shared(struct arena *arena, void (*work)(void *context), void *context)
{
    arena->only_shared = true;
    return arena_try(arena, work, context);
}

static void *give_up(struct arena *arena)
{
    jmp_buf *out = arena->way_out;

    arena->way_out = NULL;
    if (out)
        longjmp(*out, 1);
    return NULL;
}

static struct block *add(struct arena *arena, struct block *block, size_t size, bool is_shared)
{
    block->used = 0;
    block->size = size;
    block->is_shared = is_shared;
    block->next = arena->newest;
    arena->newest = block;
    return block;
}

static struct block *add_block(struct arena *arena, size_t at_least)
{
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    bool allowed = size < SIZE_MAX / 2 && !arena->only_shared;
    struct block *block = allowed ? malloc(sizeof *block + size) : NULL;

    return block ? add(arena, block, size, false) : NULL;
}

bool arena_share(struct arena *arena, size_t size)
{
    struct block *block = mmap(NULL, sizeof *block + size, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return block != MAP_FAILED && add(arena, block, size, true);
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
    char small[256];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len >= 0 && len < (int)sizeof small)
        return arena_copy(arena, (struct slice){small, (size_t)len});
    char *text = len < 0 ? give_up(arena) : arena_take(arena, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}
