/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/index/index_merge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ranges/save.h"
#include "state/index_file.h"

/* What is there; if nothing is, that is an empty one. */
static bool open_old(struct index_file *old, const char *name, struct why *why)
{
    if (!index_file_open(old, name, why))
        return errno == ENOENT;
    if (index_file_check(old, name, NULL, why))
        return true;
    index_file_close(old);
    return false;
}

/* The first line of what is left of a file that has been checked; empty at its end. */
static struct slice first_line(struct slice left)
{
    const char *end = left.len ? memchr(left.at, '\n', left.len) : NULL;
    return slice_to(left, end ? (size_t)(end - left.at) : 0);
}

/* Writes the lines of the old file and the new ones, in order. */
static void write_merged(FILE *out, const struct index_file *old, char *const *lines, size_t count,
                         struct index_merged *merged)
{
    struct slice left = old->size ? (struct slice){old->at, old->size} : SLICE("");
    size_t next = 0;

    *merged = (struct index_merged){0};
    while (left.len || next < count) {
        struct slice line = first_line(left),
                     added = next < count ? slice_of(lines[next]) : SLICE("");
        int order = !left.len ? 1 : next == count ? -1 : slice_compare(line, added);
        if (order > 0) {
            line = added;
            merged->added++;
        } else {
            left = slice_from(left, line.len + 1);
        }
        next += order >= 0;
        fwrite(line.at, 1, line.len, out);
        putc('\n', out);
        merged->all += line.at[0] != '#';
    }
}

bool index_merge(const char *name, char *const *lines, size_t count, struct index_merged *merged,
                 struct why *why)
{
    struct range_error error;
    struct index_file old;
    struct save save;

    if (!save_open(&save, name, &error))
        return why_not(why, "%s", error.text);
    if (!open_old(&old, name, why)) {
        save_abandon(&save);
        return false;
    }
    write_merged(save.file, &old, lines, count, merged);
    index_file_close(&old);
    return save_commit(&save, NULL, &error) || why_not(why, "%s", error.text);
}

void index_merge_print(const char *name, const struct index_merged *merged)
{
    printf("%s: %zu line%s added, %zu in all.\n", name, merged->added,
           merged->added == 1 ? "" : "s", merged->all);
}
