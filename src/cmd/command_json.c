/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#ifdef HAVE_JANSSON
#include "cmd/command_json.h"

#include <stdio.h>
#include "cmd/command.h"

int command_print_json(const char *command, json_t *json, size_t flags)
{
    bool printed = json && json_dumpf(json, stdout, flags) == 0;

    if (printed)
        putchar('\n');
    json_decref(json);
    return printed ? EXIT_FINE : command_starved(command);
}
#endif
