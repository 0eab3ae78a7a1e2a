/* SPDX-License-Identifier: Apache-2.0 */
#include "core/problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
    char *text;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void problem_add(struct problems *problems, enum severity severity, struct origin at,
                 const char *format, ...)
{
    va_list args;
    struct problem *list = realloc(problems->list, (problems->count + 1) * sizeof *problems->list);

    if (severity == PROBLEM_ERROR)
        problems->errors++; /* counted even when there is no memory to tell of it */
    if (!list)
        return;
    problems->list = list;
    va_start(args, format);
    list[problems->count] = (struct problem){
        .number = problems->count,
        .severity = severity,
        .file = at.file ? strdup(at.file) : NULL,
        .line = at.line,
        .text = format_text(format, args),
    };
    problems->count++;
    va_end(args);
}

static int compare(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;
    int by_file = strcmp(a->file ? a->file : "", b->file ? b->file : "");

    if (by_file != 0)
        return by_file;
    if (a->line != b->line)
        return a->line - 1 < b->line - 1 ? -1 : 1; /* line 0, the whole file, comes last */
    return a->number < b->number ? -1 : 1;
}

void problems_sort(struct problems *problems)
{
    if (problems->count > 0)
        qsort(problems->list, problems->count, sizeof *problems->list, compare);
}

void problems_print(const struct problems *problems, FILE *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->list[i];
        if (p->file && p->line)
            fprintf(out, "%s:%u: ", p->file, p->line);
        else if (p->file)
            fprintf(out, "%s: ", p->file);
        fprintf(out, "%s: %s\n", p->severity == PROBLEM_ERROR ? "error" : "warning",
                p->text ? p->text : "there is not enough memory to tell");
    }
}

void problems_first(const struct problems *problems, struct why *why)
{
    size_t i = 0;

    why->text[0] = '\0';
    while (i < problems->count && problems->list[i].severity != PROBLEM_ERROR)
        i++;
    if (i == problems->count)
        return;
    const struct problem *p = &problems->list[i];
    const char *text = p->text ? p->text : "there is not enough memory to tell";
    if (p->file && p->line)
        why_not(why, "%s:%u: %s", p->file, p->line, text);
    else if (p->file)
        why_not(why, "%s: %s", p->file, text);
    else
        why_not(why, "%s", text);
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->list[i].file);
        free(problems->list[i].text);
    }
    free(problems->list);
    *problems = (struct problems){0};
}
