/* SPDX-License-Identifier: Apache-2.0 */
/* signpost check: the loader of the responder, run dry. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "state/index_file.h"
#ifdef HAVE_REGISTRY
#include "state/index_key.h"
#endif
#include "config/print_config.h"

static const char usage[] =
    "Usage: signpost check [--print] [FILE]\n"
    "\n"
    "Reads a configuration as the responder would and tells of every mistake, with\n"
    "its file and line, and so of its index. Without FILE it is the one that the\n"
    "responder would find: $SIGNPOST_CONF, signpost.conf beside the program, "
    "or\n" SIGNPOST_SYSCONFDIR "/signpost.conf.\n"
    "\n"
    "  --print   prints the effective configuration: templates filled in, defaults\n"
    "            spelt out, the rules with the lines they come from\n"
    "\n"
    "The exit status is 1 if there is a mistake; warnings do not count.\n";

static void summarise(const struct config *config)
{
    printf("%s: no mistakes; %zu upstream%s, %zu bucket%s, %zu rule%s; signatures at %s.\n",
           config->file ? config->file : "environment", config->upstream_count,
           config->upstream_count == 1 ? "" : "s", config->target_count - config->upstream_count,
           config->target_count - config->upstream_count == 1 ? "" : "s", config->rule_count,
           config->rule_count == 1 ? "" : "s", config->canonical[0]->name);
}

/* Every line of the index's files. That one is not there was told. */
static bool check_index(const struct config *config)
{
    bool good = true;
    struct why why;

    for (size_t i = 0; i < config->index_count; i++) {
        if (index_file_check_named(config->index[i], NULL, &why) || errno == ENOENT)
            continue;
        fprintf(stderr, "signpost check: %s\n", why.text);
        good = false;
    }
    return good;
}

/* Every key that may sign lists of the index's sources. That one cannot be read was told. */
static bool check_keys(const struct config *config)
{
    bool good = true;

#ifdef HAVE_REGISTRY
    for (size_t i = 0; i < config->index_key_count; i++) {
        struct why why;
        if (access(config->index_keys[i], R_OK) < 0)
            continue;
        struct index_key *key = index_key_read_public(config->index_keys[i], &why);
        if (!key) {
            fprintf(stderr, "signpost check: %s\n", why.text);
            good = false;
        }
        index_key_free(key);
    }
#else
    (void)config;
#endif
    return good;
}

int cmd_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"print", no_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool print = false;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            print = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return command_misuse("check", "that is no option.");
        }
    }
    if (argc - optind > 1)
        return command_misuse("check", "there can be only one FILE.");

    struct config *config = command_load(argv[optind], true);
    if (!config)
        return EXIT_FINDING;
    bool good = check_index(config);
    good = check_keys(config) && good;
    if (print)
        print_config(config, stdout);
    else if (good)
        summarise(config);
    config_free(config);
    return good ? EXIT_FINE : EXIT_FINDING;
}
