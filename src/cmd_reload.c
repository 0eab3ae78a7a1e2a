/* SPDX-License-Identifier: Apache-2.0 */
/* signpost reload: for process keepers that cannot send SIGHUP. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include "command.h"
#include "configuration.h"
#include "control.h"

static const char usage[] =
    "Usage: signpost reload [--config FILE]\n"
    "\n"
    "Has all running responders read their configuration again, within a second, by\n"
    "leaving word in the state directory. SIGHUP does the same to one of them. A\n"
    "configuration with a mistake is refused here first.\n"
    "\n"
    "  --config FILE   the configuration that names the state directory\n";

int cmd_reload(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *file = NULL;
    struct why why;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return command_misuse("reload", "that is no option.");
        }
    }
    if (optind < argc)
        return command_misuse("reload", "\"%.60s\" is one argument too many.", argv[optind]);

    struct config *config = command_load(file, true);
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
