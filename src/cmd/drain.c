/* SPDX-License-Identifier: Apache-2.0 */
/* signpost drain and undrain: takes a target out of service, and back, on a running system. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "route/last_resort.h"
#include "state/control.h"
#include "state/state.h"

static const char usage[] =
    "Usage: signpost drain [--config FILE] TARGET…\n"
    "       signpost undrain [--config FILE] TARGET…\n"
    "\n"
    "Sends no more requests to these upstreams and buckets, or sends them requests\n"
    "again: within a second, in all running responders and CGIs, and across restarts.\n"
    "What would have gone there goes to the next nearest. What no other target may take\n"
    "still goes there, and that is said: if all upstreams are drained, if it is the last\n"
    "canonical one, or if a rule ends with it.\n"
    "\n"
    "Gives up after two seconds if another process changes the same file all the time.\n"
    "\n"
    "  --config FILE   the configuration that names the targets and the state directory\n";

static bool apply(const char *command, const struct config *config, const struct target *target)
{
    struct why why;

    if (control_drain(config->state, target->name, strcmp(command, "drain") == 0, &why))
        return true;
    fprintf(stderr, "signpost %s: %s\n", command, why.text);
    return false;
}

/* What became of a target that was drained. */
static void print_drained(const struct config *config, const struct part *parts,
                          const struct target *target)
{
    struct why why;

    if (last_resort(config, parts, target, &why))
        printf("%s is drained within a second, but still gets requests: %s.\n", target->name,
               why.text);
    else
        printf("%s gets no more requests within a second.\n", target->name);
}

static bool is_among(const struct target *target, char **names)
{
    while (*names && strcmp(*names, target->name) != 0)
        names++;
    return *names;
}

/* Those that were drained before may get requests again, for want of another one. */
static void print_others(const struct config *config, const struct part *parts, char **names)
{
    struct why why;

    for (size_t i = 0; i < config->target_count; i++) {
        const struct target *target = &config->targets[i];
        if (parts[i].drained && !is_among(target, names) &&
            last_resort(config, parts, target, &why))
            printf("%s, which is drained as well, gets requests: %s.\n", target->name, why.text);
    }
}

static void print_all(const struct config *config, char **names)
{
    struct part parts[TARGETS_MAX];

    control_read_parts(config, parts);
    for (char **name = names; *name; name++)
        print_drained(config, parts, config_target(config, slice_of(*name)));
    print_others(config, parts, names);
}

static int apply_all(const char *command, const struct config *config, char **names)
{
    for (char **name = names; *name; name++)
        if (!command_target(command, config, *name))
            return EXIT_MISUSE;
    for (char **name = names; *name; name++)
        if (!apply(command, config, config_target(config, slice_of(*name))))
            return EXIT_FINDING;
    if (strcmp(command, "drain") == 0)
        print_all(config, names);
    for (char **name = names; *name && strcmp(command, "drain") != 0; name++)
        printf("%s gets requests again within a second.\n", *name);
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
