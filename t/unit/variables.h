/* SPDX-License-Identifier: Apache-2.0 */
/* CGI variables for tests. */
#ifndef VARIABLES_H
#define VARIABLES_H

#include <stdlib.h>
#include <string.h>

/* Variables from a text that has one on each line; good until the next call. */
static inline char **variables(const char *lines)
{
    static char *text, *list[64];
    size_t count = 0;

    free(text);
    text = strdup(lines);
    for (char *at = text; at && *at && count < 63;) {
        char *end = strchr(at, '\n');
        list[count++] = at;
        if (end)
            *end++ = '\0';
        at = end;
    }
    list[count] = NULL;
    return list;
}

#endif
