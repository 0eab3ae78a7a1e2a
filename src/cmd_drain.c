/* SPDX-License-Identifier: Apache-2.0 */
/* signpost drain and undrain: takes a target out of service, and back, on a running system. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "configuration.h"
#include "control.h"

static const char usage[] =
    "Usage: signpost drain [--config FILE] TARGET…\n"
    "       signpost undrain [--config FILE] TARGET…\n"
    "\n"
    "Sends no more requests to these upstreams and buckets, or sends them requests\n"
    "again: within a second, in all running responders and CGIs, and across restarts.\n"
    "What would have gone there goes to the next nearest. If all are drained, the\n"
    "first choice is taken after all.\n"
    "\n"
    "  --config FILE   the configuration that names the targets and the state directory\n";

static bool apply(const char *command, const struct config *config, const struct target *target)
{
    bool drain = strcmp(command, "drain") == 0;
    struct why why;

    if (!control_drain(config->state, target->name, drain, &why)) {
        fprintf(stderr, "signpost %s: %s\n", command, why.text);
        return false;
    }
    printf("%s gets %s within a second.\n", target->name,
           drain ? "no more requests" : "requests again");
    if (drain)
        command_warn_of_only_canonical(command, config, target);
    return true;
}

static int apply_all(const char *command, const struct config *config, char **names)
{
    for (char **name = names; *name; name++)
        if (!command_target(command, config, *name))
            return EXIT_MISUSE;
    for (char **name = names; *name; name++)
        if (!apply(command, config, command_target(command, config, *name)))
            return EXIT_FINDING;
    command_warn_of_refusals(command, config->state);
    return EXIT_FINE;
}

int cmd_drain(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .least = 1, .most = TARGETS_MAX};

    if (!command_read(&line, argc, argv))
        return line.status;
    struct config *config = command_load(line.file, false);
    int status = config ? apply_all(argv[0], config, line.arguments) : EXIT_FINDING;
    config_free(config);
    return status;
}
