/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include "configuration.h"

struct config *command_load(const char *file, bool with_warnings)
{
    char found[PATH_MAX];
    struct problems problems = {0};

    if (!file && config_find(found, sizeof found))
        file = found;
    struct config *config = config_load(file, &problems);
    if (!config || with_warnings)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    return config;
}

void command_say(void *context, const char *sentence)
{
    fprintf(stderr, "signpost %s: %s\n", (const char *)context, sentence);
}

int command_misuse(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "signpost %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n`signpost %s --help` says how to call it.\n", command);
    return EXIT_MISUSE;
}
