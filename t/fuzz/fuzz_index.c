/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of any bytes is searched without a read outside of it; and in one that
 * the whole check finds good, every line is found, and every search finds the same
 * as a look at line after line.
 */
#include <stdint.h>
#include <stdlib.h>
#include "state/index_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice asked[] = {
    SLICE("sha256:0000000000000000000000000000000000000000000000000000000000000000"),
    SLICE("sha256:7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    SLICE("sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    SLICE("a:b"),
    SLICE("zz:z"),
};

/* Every line of a good file is found, with its name. */
static void check_each_line(const struct index_file *file)
{
    for (size_t start = 0; start < file->size;) {
        const char *end = memchr(file->at + start, '\n', file->size - start);
        struct slice line = {file->at + start, (size_t)(end - file->at) - start};
        const char *space = memchr(line.at, ' ', line.len);
        struct slice digest = slice_to(line, space ? (size_t)(space - line.at) : line.len);
        struct slice name = space ? slice_from(line, digest.len + 1) : SLICE("any/name");
        if (line.at[0] != '#' && index_file_find(file, digest, name) != INDEX_PRESENT)
            abort();
        start += line.len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy =
        malloc(size ? size : 1); /* of exactly this size, so that a read behind it is seen */
    struct why why;

    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    struct index_file file = {.at = copy, .size = size, .map = -1};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        index_file_find(&file, asked[i], SLICE("team/app"));
    if (index_file_check(&file, "index", NULL, &why)) {
        check_each_line(&file);
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
            if (index_file_find(&file, asked[i], SLICE("team/app")) == INDEX_DAMAGED)
                abort();
    }
    free(copy);
    return 0;
}
