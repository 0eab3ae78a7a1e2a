/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/index/index_from.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/index/index_merge.h"
#include "parse/oci.h"
#include "parse/reference.h"

struct lines {
    char **list;
    size_t count, room;
};

bool index_from_line(struct slice line, struct slice host, struct slice *digest, struct slice *name)
{
    const char *at = memchr(line.at, '@', line.len), *space = memchr(line.at, ' ', line.len);
    size_t cut = at ? (size_t)(at - line.at) : space ? (size_t)(space - line.at) : line.len;
    struct slice before = slice_to(line, cut);
    struct slice behind = slice_from(line, cut < line.len ? cut + 1 : cut);

    *digest = at ? behind : before;
    *name = at ? before : behind;
    if (host.len && name->len > host.len && name->at[host.len] == '/' &&
        slice_equal_nocase(slice_to(*name, host.len), host))
        *name = slice_from(*name, host.len + 1);
    return oci_is_digest(*digest) && (oci_is_name(*name) || (!at && cut == line.len));
}

bool index_from_host(struct slice name, struct slice host, struct why *why)
{
    return host.len || !image_reference_names_host(name) ||
           why_not(why, "begins with a host, and it is not known which host is this registry's: "
                        "say that with --name or --config, or leave the host out");
}

static bool keep(struct lines *lines, struct slice digest, struct slice name)
{
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 1024;
        char **list = reallocarray(lines->list, room, sizeof *list);
        if (!list)
            return false;
        lines->list = list;
        lines->room = room;
    }
    if (asprintf(&lines->list[lines->count], "%.*s%s%.*s", (int)digest.len, digest.at,
                 name.len ? " " : "", (int)name.len, name.at) < 0)
        return false;
    lines->count++;
    return true;
}

static bool read_lines(FILE *in, const char *file, struct slice host, struct lines *lines,
                       struct why *why)
{
    char *text = NULL;
    size_t room = 0, number = 0;
    bool good = true;
    struct why reason;
    ssize_t len;

    while (good && (len = getline(&text, &room, in)) >= 0) {
        struct slice line = {text, (size_t)len}, digest, name;
        number++;
        while (line.len && strchr("\r\n\t ", line.at[line.len - 1]))
            line.len--;
        if (line.len == 0 || line.at[0] == '#')
            continue;
        bool is_line = index_from_line(line, host, &digest, &name);
        if (!index_from_host(name, host, &reason))
            good =
                why_not(why, "%s:%zu: the name %s; nothing was added.", file, number, reason.text);
        else if (!is_line)
            good = why_not(why,
                           "%s:%zu: the line is neither a digest and a repository's name, with a "
                           "space between them, nor NAME@DIGEST; nothing was added.",
                           file, number);
        else if (!keep(lines, digest, name))
            good = why_not(why, "There is not enough memory.");
    }
    if (good && !feof(in))
        good = why_not(why, "%s cannot be read: %s.", file, strerror(errno));
    free(text);
    return good;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct lines *lines)
{
    size_t kept = 0;

    if (lines->count)
        qsort(lines->list, lines->count, sizeof *lines->list, by_bytes);
    for (size_t i = 0; i < lines->count; i++)
        if (kept && strcmp(lines->list[kept - 1], lines->list[i]) == 0)
            free(lines->list[i]);
        else
            lines->list[kept++] = lines->list[i];
    lines->count = kept;
}

bool index_from(const char *file, struct slice host, const char *index, struct why *why)
{
    bool is_input = strcmp(file, "-") == 0;
    FILE *in = is_input ? stdin : fopen(file, "re");
    struct index_merged merged;
    struct lines lines = {0};

    if (!in)
        return why_not(why, "%s cannot be read: %s.", file, strerror(errno));
    bool good = read_lines(in, is_input ? "standard input" : file, host, &lines, why);
    if (!is_input)
        fclose(in);
    sort(&lines);
    good = good && index_merge(index, lines.list, lines.count, &merged, why);
    for (size_t i = 0; i < lines.count; i++)
        free(lines.list[i]);
    free(lines.list);
    if (good)
        index_merge_print(index, &merged);
    return good;
}
