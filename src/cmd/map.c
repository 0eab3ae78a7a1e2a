/* SPDX-License-Identifier: Apache-2.0 */
/* signpost map: a world map of the targets and of which country goes where. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "status/map.h"

static const char usage[] =
    "Usage: signpost map [--config FILE] [--layers] > map.svg\n"
    "\n"
    "Draws a map of the world as SVG, for a browser: every upstream and bucket, and\n"
    "every country in the colour of the one that its clients are sent to, by the same\n"
    "code as the responder. It asks nobody and takes every target as up; the status\n"
    "page has the same map as things are.\n"
    "\n"
    "  --config FILE   the configuration; else the one the responder would find\n"
    "  --layers        where layers come from; else where images do, by tag\n"
    "\n"
    "The coast lines are Natural Earth's; coordinates are from GeoNames\n"
    "(https://www.geonames.org/), CC BY 4.0.\n";

static int draw(const struct config *config, enum pull_part part)
{
    struct map_layout layout = {0};
    struct destinations destinations = {0};
    int status = EXIT_FINE;

    if (destinations_find(&destinations, config, NULL) &&
        map_layout_make(&layout, config, &destinations, part)) {
        map_write_file(
            &(struct map){.config = config, .layout = &layout, .destinations = &destinations},
            stdout);
    } else {
        fputs("signpost map: There is not enough memory.\n", stderr);
        status = EXIT_FINDING;
    }
    destinations_free(&destinations);
    map_layout_free(&layout);
    return status;
}

static int run(const char *file, enum pull_part part)
{
    if (isatty(STDOUT_FILENO))
        return command_misuse("map",
                              "the map is a file for a browser: write `signpost map > map.svg`.");
    struct config *config = command_load(file, false);
    if (!config)
        return EXIT_FINDING;
    int status = draw(config, part);
    config_free(config);
    return status;
}

int cmd_map(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"layers", no_argument, NULL, 'l'},
                                            {0}};
    enum pull_part part = PULL_IMAGE;
    const char *file = NULL;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (c == '?')
            return command_misuse("map", "that is no option.");
        if (c == 'c')
            file = optarg;
        else
            part = PULL_LAYER;
    }
    if (optind < argc)
        return command_misuse("map", "\"%.60s\" is one argument too many.", argv[optind]);
    return run(file, part);
}
