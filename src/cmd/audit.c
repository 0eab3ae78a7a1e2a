/* SPDX-License-Identifier: Apache-2.0 */
/* signpost audit: whether replication of signatures may be switched off. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/audit/audit.h"
#include "cmd/command.h"

#ifndef HAVE_REGISTRY
int cmd_audit(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs(
        "signpost audit: This signpost was built without libcurl, jansson or libcrypto and cannot "
        "read registries; install them (Debian: libcurl4-openssl-dev, libjansson-dev, libssl-dev) "
        "and build again.\n",
        stderr);
    return EXIT_FINDING;
}
#else

static const char usage[] =
    "Usage: signpost audit [OPTION…] [REPOSITORY…]\n"
    "\n"
    "Answers whether replication of signatures may be switched off: reads the tags of\n"
    "each repository, and all that they and the referrers API lead to, at the first\n"
    "canonical registry and at every other upstream, and compares them by content.\n"
    "It only reads.\n"
    "\n"
    "What an upstream has that the canonical registry lacks is printed with the command\n"
    "that copies it; so are tags that mean different things at different registries,\n"
    "and images without a signature. What exists only at the canonical registry is\n"
    "fine. Then come the numbers: what each registry has, and what replication costs.\n"
    "\n"
    "REPOSITORY is a name without a tag, with or without the public host: team/app.\n"
    "Without any, and without --repositories, the registries' catalogs are read.\n"
    "\n"
    "  --config FILE        the configuration; else the one the responder would find\n"
    "  --repositories FILE  their names, one a line; # begins a comment\n"
    "  --resume FILE        keeps in FILE what has been read, and goes on there if it was\n"
    "                       stopped; when everything has been read, FILE is removed\n"
    "  --index FILE         adds to this index what belongs to images at the canonical\n"
    "                       registry, as `signpost index add` does\n"
    "  --parallel N         connections to each registry (4)\n"
    "  --json, --csv        in place of the text\n"
    "\n"
    "The exit status is 0 if replication may be switched off, 1 if something must be\n"
    "copied or looked at first, or could not be read, and 130 after Ctrl-C.\n";

enum { PARALLEL = 4, PARALLEL_MAX = 64 };

static bool read_parallel(struct audit_call *call, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    call->parallel = (unsigned)number;
    return *end == '\0' && number >= 1 && number <= PARALLEL_MAX;
}

/* Takes an option. False: it has been dealt with, see status. */
static bool take(struct audit_call *call, int option, int *status)
{
    switch (option) {
    case 'c':
        call->config = optarg;
        return true;
    case 'f':
        call->repositories = optarg;
        return true;
    case 'r':
        call->resume = optarg;
        return true;
    case 'i':
        call->index = optarg;
        return true;
    case 'j':
    case 'v':
        if (call->format != AUDIT_TEXT) {
            *status = command_misuse("audit", "--json and --csv are one or the other, once.");
            return false;
        }
        call->format = option == 'j' ? AUDIT_JSON : AUDIT_CSV;
        return true;
    case 'p':
        if (read_parallel(call, optarg))
            return true;
        *status = command_misuse("audit", "--parallel takes a number from 1 to %d.", PARALLEL_MAX);
        return false;
    case 'h':
        fputs(usage, stdout);
        return false;
    default:
        *status = command_misuse("audit", "that is no option.");
        return false;
    }
}

int cmd_audit(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"repositories", required_argument, NULL, 'f'},
                                            {"resume", required_argument, NULL, 'r'},
                                            {"index", required_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"csv", no_argument, NULL, 'v'},
                                            {"parallel", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct audit_call call = {.parallel = PARALLEL};
    int status = EXIT_FINE;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take(&call, c, &status))
            return status;
    call.names = argv + optind;
    call.name_count = (size_t)(argc - optind);
    return audit(&call);
}
#endif
