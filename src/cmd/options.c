/* SPDX-License-Identifier: Apache-2.0 */
/* signpost options: the table of options, as text, as a configuration file, as a manual's list. */
#include <getopt.h>
#include <stdio.h>
#include "cmd/command.h"
#include "config/options_doc.h"
#include "config/settings.h"

static const char usage[] =
    "Usage: signpost options [--conf|--mdoc]\n"
    "\n"
    "Lists every option of a configuration: what it means, what it may be, what it\n"
    "is by default.\n"
    "\n"
    "  --conf   as a commented configuration file (etc/signpost.conf is made so)\n"
    "  --mdoc   as the list in the manual page signpost.conf(5)\n";

int cmd_options(int argc, char **argv)
{
    static const struct option options[] = {{"conf", no_argument, NULL, 'c'},
                                            {"mdoc", no_argument, NULL, 'm'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    void (*write)(const struct option_group *, FILE *) = options_write_text;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            write = options_write_conf;
            break;
        case 'm':
            write = options_write_mdoc;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return command_misuse("options", "that is no option.");
        }
    }
    if (optind < argc)
        return command_misuse("options", "\"%.60s\" is one argument too many.", argv[optind]);
    write(&settings_group, stdout);
    return EXIT_FINE;
}
