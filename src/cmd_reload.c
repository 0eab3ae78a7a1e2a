/* SPDX-License-Identifier: Apache-2.0 */
/* signpost reload: reaches whoever uses the state directory, whatever has started it. */
#include <stdbool.h>
#include <stdio.h>
#include "command.h"
#include "configuration.h"
#include "control.h"

static const char usage[] =
    "Usage: signpost reload [--config FILE]\n"
    "\n"
    "Has all running responders and the prober read their configuration again, within a\n"
    "second, by leaving word in the state directory. SIGHUP does the same to one process. A\n"
    "configuration with a mistake is refused here first.\n"
    "\n"
    "  --config FILE   the configuration that names the state directory\n";

int cmd_reload(int argc, char **argv)
{
    struct command_line line = {.usage = usage};
    struct why why;

    if (!command_read(&line, argc, argv))
        return line.status;
    struct config *config = command_load(line.file, true);
    if (!config)
        return EXIT_FINDING;
    bool asked = control_ask_reload(config->state, &why);
    if (asked)
        printf("Responders that use %s read their configuration within a second.\n", config->state);
    else
        fprintf(stderr, "signpost reload: %s\n", why.text);
    config_free(config);
    return asked ? EXIT_FINE : EXIT_FINDING;
}
