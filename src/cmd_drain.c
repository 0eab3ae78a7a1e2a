/* SPDX-License-Identifier: Apache-2.0 */
/* signpost drain and undrain: takes a target out of service, and back, on a running system. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "configuration.h"
#include "control.h"
#include "suggest.h"

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

static bool is_known(const char *command, const struct config *config, const char *name)
{
    struct suggestion near = suggest_start(slice_of(name));

    if (config_target(config, slice_of(name)))
        return true;
    for (size_t i = 0; i < config->target_count; i++)
        suggest_try(&near, config->targets[i].name);
    fprintf(stderr, "signpost %s: there is no target \"%.60s\"%s\n", command, name,
            suggest_ending(near.best).text);
    return false;
}

static int apply(const char *command, const struct config *config, char **names)
{
    bool drain = strcmp(command, "drain") == 0;
    struct why why;

    for (char **name = names; *name; name++)
        if (!is_known(command, config, *name))
            return EXIT_MISUSE;
    for (char **name = names; *name; name++)
        if (!control_drain(config->state, *name, drain, &why)) {
            fprintf(stderr, "signpost %s: %s\n", command, why.text);
            return EXIT_FINDING;
        }
    return EXIT_FINE;
}

int cmd_drain(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *file = NULL;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return command_misuse(argv[0], "that is no option.");
        }
    }
    if (optind == argc)
        return command_misuse(argv[0], "there must be at least one TARGET.");

    struct config *config = command_load(file, false);
    int status = config ? apply(argv[0], config, argv + optind) : EXIT_FINDING;
    config_free(config);
    return status;
}
