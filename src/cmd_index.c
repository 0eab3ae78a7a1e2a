/* SPDX-License-Identifier: Apache-2.0 */
/* signpost index: writes and checks the index, which tells signatures' content by its digests. */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "configuration.h"
#include "index_add.h"
#include "index_file.h"

static const char usage[] =
    "Usage: signpost index add [OPTION…] IMAGE…\n"
    "       signpost index check [--config FILE] [INDEX]\n"
    "\n"
    "The index is a sorted text file of digests, one a line, of what exists only at the\n"
    "canonical registry. `LC_ALL=C sort -u` merges several; a running responder takes a\n"
    "new one within a second or two.\n"
    "\n"
    "add reads what belongs to each image at the canonical registry: signatures,\n"
    "attestations and SBOMs under cosign's tags, and referrers, of the image, of its\n"
    "platforms' manifests and of those themselves. It adds their digests to the index.\n"
    "Run it where images are signed, after signing. IMAGE is a name with a tag or a\n"
    "digest, with or without the public host: team/app:v1, team/app@sha256:….\n"
    "\n"
    "check reads a whole index, and tells what is wrong with it, or how much is in it.\n"
    "\n"
    "  --config FILE      the configuration; else the one the responder would find\n"
    "  --index INDEX      the file to add to, in place of the configuration's `index`\n"
    "  --registry URL     where to read, in place of the first canonical upstream; a\n"
    "                     path in it stands before the images' names\n"
    "  --signatures NAME  the repository that signatures are in, if not the image's own\n"
    "                     (COSIGN_REPOSITORY), again without the host\n"
    "\n"
    "The exit status is 1 if an image could not be read, or the index is bad.\n";

static int misuse(const char *sentence)
{
    return command_misuse("index", "%s", sentence);
}

static int check_file(const char *name)
{
    struct index_counts counts;
    struct index_file file;
    struct why why;

    if (!index_file_open(&file, name, &why)) {
        fprintf(stderr, "signpost index: %s\n", why.text);
        return EXIT_FINDING;
    }
    bool good = index_file_check(&file, name, &counts, &why);
    index_file_close(&file);
    if (good)
        printf("%s: %zu digest%s in order (%zu sha256, %zu sha512, %zu others).\n", name,
               counts.all, counts.all == 1 ? "" : "s", counts.sha256, counts.sha512,
               counts.all - counts.sha256 - counts.sha512);
    else
        fprintf(stderr, "signpost index: %s\n", why.text);
    return good ? EXIT_FINE : EXIT_FINDING;
}

/* The index that the configuration names. */
static int check_configured(const char *file)
{
    struct config *config = command_load(file, false);
    int status = EXIT_FINDING;

    if (config && config->index)
        status = check_file(config->index);
    else if (config)
        fputs("signpost index: the configuration names no `index`: name the file to check.\n",
              stderr);
    config_free(config);
    return status;
}

static int run_check(const struct index_add *call)
{
    if (call->image_count > 1)
        return misuse("there can be only one INDEX to check.");
    if (call->registry || call->index || call->repository)
        return misuse("only --config goes with check.");
    return call->image_count ? check_file(call->images[0]) : check_configured(call->config);
}

static int run(const char *word, const struct index_add *call)
{
    if (strcmp(word, "check") == 0)
        return run_check(call);
    if (strcmp(word, "add") != 0)
        return command_misuse("index", "\"%.60s\" is neither add nor check.", word);
    if (call->image_count == 0)
        return misuse("which IMAGE?");
    return index_add(call);
}

int cmd_index(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"index", required_argument, NULL, 'i'},
        {"registry", required_argument, NULL, 'r'}, {"signatures", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},           {0}};
    struct index_add call = {0};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            call.config = optarg;
            break;
        case 'i':
            call.index = optarg;
            break;
        case 'r':
            call.registry = optarg;
            break;
        case 's':
            call.repository = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return misuse("that is no option.");
        }
    }
    if (optind == argc)
        return misuse("add or check?");
    call.images = argv + optind + 1;
    call.image_count = (size_t)(argc - optind - 1);
    return run(argv[optind], &call);
}
