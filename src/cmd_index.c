/* SPDX-License-Identifier: Apache-2.0 */
/* signpost index: writes and checks the index, which tells signatures' content by its digests. */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "configuration.h"
#include "index.h"
#include "index_add.h"
#include "index_file.h"
#include "index_from.h"

static const char usage[] =
    "Usage: signpost index add [OPTION…] IMAGE…\n"
    "       signpost index add [OPTION…] --from FILE\n"
    "       signpost index has [OPTION…] NAME@DIGEST…\n"
    "       signpost index check [--config FILE] [INDEX]\n"
    "\n"
    "The index is made of sorted text files. A line is a digest of what exists only\n"
    "at the canonical registry, a space, and the name of the repository in which that\n"
    "holds, or a digest alone, for all repositories. `LC_ALL=C sort -u` merges several\n"
    "files; a running responder takes a new one within a second or two.\n"
    "\n"
    "add reads what belongs to each image at the canonical registry: signatures,\n"
    "attestations and SBOMs under cosign's tags, and referrers, of the image, of its\n"
    "platforms' manifests and of those themselves. It adds their digests to the index.\n"
    "Run it where images are signed, after signing. IMAGE is a name with a tag or a\n"
    "digest, with or without the public host: team/app:v1, team/app@sha256:….\n"
    "\n"
    "add --from takes lines from a file (-: standard input) instead, without a\n"
    "request, in any order: DIGEST NAME, or NAME@DIGEST, with or without the public\n"
    "host. Where one line has a mistake, nothing is added.\n"
    "\n"
    "has says whether the index lists each object.\n"
    "\n"
    "check reads a whole index, and says what is wrong with it, or how much is in it.\n"
    "\n"
    "  --config FILE      the configuration; else the one the responder would find\n"
    "  --from FILE        where to read lines that are to be added\n"
    "  --index INDEX      the file to use, in place of the first that `index` names\n"
    "  --registry URL     where to read, in place of the first canonical upstream; a\n"
    "                     path in it stands before the images' names\n"
    "  --signatures NAME  the repository that signatures are in, if not the image's own\n"
    "                     (COSIGN_REPOSITORY), again without the host\n"
    "\n"
    "The exit status is 1 if an image could not be read, the index is bad, or it does\n"
    "not list an object.\n";

static int misuse(const char *sentence)
{
    return command_misuse("index", "%s", sentence);
}

static int check_file(const char *name)
{
    struct index_counts counts;
    struct why why;

    if (!index_file_check_named(name, &counts, &why)) {
        fprintf(stderr, "signpost index: %s\n", why.text);
        return EXIT_FINDING;
    }
    printf("%s: %zu line%s in order, %zu of them with a repository's name.\n", name, counts.all,
           counts.all == 1 ? "" : "s", counts.named);
    return EXIT_FINE;
}

/* The files that the configuration names. */
static int check_configured(const char *file)
{
    struct config *config = command_load(file, false);
    int status = config && config->index_count > 0 ? EXIT_FINE : EXIT_FINDING;

    for (size_t i = 0; config && i < config->index_count; i++)
        if (check_file(config->index[i]) != EXIT_FINE)
            status = EXIT_FINDING;
    if (config && config->index_count == 0)
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

static void log_fault(void *context, const char *text)
{
    bool *is_bad = context;

    *is_bad = true;
    fprintf(stderr, "signpost index: %s\n", text);
}

static int look_up(struct index *index, struct slice host, const struct index_add *call)
{
    int status = EXIT_FINE;

    for (size_t i = 0; i < call->image_count; i++) {
        struct slice digest, name;
        if (!index_from_line(slice_of(call->images[i]), host, &digest, &name) || name.len == 0)
            return command_misuse("index", "\"%.200s\" is not NAME@DIGEST.", call->images[i]);
        bool is_listed = index_has(index, digest, name);
        printf("%s: %s\n", call->images[i], is_listed ? "listed" : "not listed");
        if (!is_listed)
            status = EXIT_FINDING;
    }
    return status;
}

static int run_has(const struct index_add *call)
{
    struct config *config = call->index ? NULL : command_load(call->config, false);
    const char *const *names = call->index ? &call->index : config ? config->index : NULL;
    size_t count = call->index ? 1 : config ? config->index_count : 0;
    bool is_bad = false;
    int status = EXIT_FINDING;

    if (call->image_count == 0)
        return config_free(config), misuse("which NAME@DIGEST?");
    struct index *index = names && count ? index_new(names, count, log_fault, &is_bad) : NULL;
    if (index)
        status = look_up(index, config ? config->name : SLICE(""), call);
    else if (config)
        fputs("signpost index: the configuration names no `index`.\n", stderr);
    index_free(index);
    config_free(config);
    return is_bad && status == EXIT_FINE ? EXIT_FINDING : status;
}

/* The file to add to is the first that the configuration names, or --index. */
static int run_from(const char *from, const struct index_add *call)
{
    struct config *config = call->index ? NULL : command_load(call->config, false);
    const char *index = call->index                         ? call->index
                        : config && config->index_count > 0 ? config->index[0]
                                                            : NULL;
    struct why why = {"the configuration names no `index`: add one, or say --index FILE."};
    bool good = index && index_from(from, config ? config->name : SLICE(""), index, &why);

    if (!good && (config || index))
        fprintf(stderr, "signpost index: %s\n", why.text);
    config_free(config);
    return good ? EXIT_FINE : EXIT_FINDING;
}

static int run_add(const char *from, const struct index_add *call)
{
    if (from && (call->image_count > 0 || call->registry || call->repository))
        return misuse("with --from goes neither IMAGE nor --registry nor --signatures.");
    if (from)
        return run_from(from, call);
    if (call->image_count == 0)
        return misuse("which IMAGE?");
    return index_add(call);
}

static int run(const char *word, const char *from, const struct index_add *call)
{
    if (strcmp(word, "add") == 0)
        return run_add(from, call);
    if (from)
        return misuse("--from goes with add.");
    if (strcmp(word, "check") == 0)
        return run_check(call);
    if (strcmp(word, "has") == 0)
        return run_has(call);
    return command_misuse("index", "\"%.60s\" is none of add, has and check.", word);
}

int cmd_index(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"index", required_argument, NULL, 'i'},
                                            {"registry", required_argument, NULL, 'r'},
                                            {"signatures", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct index_add call = {0};
    const char *from = NULL;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            call.config = optarg;
            break;
        case 'f':
            from = optarg;
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
        return misuse("add, has or check?");
    call.images = argv + optind + 1;
    call.image_count = (size_t)(argc - optind - 1);
    return run(argv[optind], from, &call);
}
