/* SPDX-License-Identifier: Apache-2.0 */
#include "log/notes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = PIPE_BUF }; /* lines of several processes do not mix in a pipe */

void notes_init(struct notes *notes, const char *program)
{
    *notes = (struct notes){.program = program, .sink.fd = -1};
}

void notes_flush(struct notes *notes)
{
    if (notes->len == 0)
        return;
    size_t taken = sink_write(&notes->sink, notes->buffer, notes->len);
    memmove(notes->buffer, notes->buffer + taken, notes->len - taken);
    notes->len -= taken;
}

/* Puts a line, with its line feed, behind those that wait. False: there is no room. */
static bool put_line(struct notes *notes, const char *line, size_t len)
{
    if (len > sizeof notes->buffer - notes->len)
        return false;
    memcpy(notes->buffer + notes->len, line, len);
    notes->len += len;
    return true;
}

/* How much was dropped is said first. */
static bool put_dropped(struct notes *notes)
{
    char line[200];

    if (notes->dropped == 0)
        return true;
    int len = snprintf(line, sizeof line,
                       "%s: %zu messages were lost here, since standard error could not be "
                       "written to.\n",
                       notes->program, notes->dropped);
    if (!put_line(notes, line, (size_t)len))
        return false;
    notes->dropped = 0;
    return true;
}

static void add_line(struct notes *notes, const char *line, size_t len)
{
    if (!notes->opened)
        sink_open_descriptor(&notes->sink, STDERR_FILENO);
    notes->opened = true;
    notes_flush(notes);
    if (!put_dropped(notes) || !put_line(notes, line, len))
        notes->dropped++;
    notes_flush(notes);
}

void notes_say(void *context, const char *sentence)
{
    struct notes *notes = context;
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s: %s\n", notes->program, sentence);

    if (len < 0)
        return;
    if ((size_t)len >= sizeof line) {
        len = (int)sizeof line;
        line[len - 1] = '\n';
    }
    add_line(notes, line, (size_t)len);
}

void notes_problems(void *context, const struct problems *problems)
{
    struct notes *notes = context;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        notes->dropped += problems->count;
        return;
    }
    problems_print(problems, out);
    if (fclose(out) == 0 && text) /* NULL: there was no memory at its end */
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
            add_line(notes, line, (size_t)(end + 1 - line));
    free(text);
}

void notes_end(struct notes *notes)
{
    notes_flush(notes);
    sink_close(&notes->sink);
    notes->opened = false;
}
