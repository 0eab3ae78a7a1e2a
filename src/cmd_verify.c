/* SPDX-License-Identifier: Apache-2.0 */
/* signpost verify: checks a front door that is in service, as clients would use it. */
#include "config.h"

#include <stdio.h>
#include "command.h"

#ifndef HAVE_REGISTRY
int cmd_verify(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs(
        "signpost verify: This signpost was built without libcurl, jansson or libcrypto and cannot "
        "ask a front door; install them (Debian: libcurl4-openssl-dev, libjansson-dev, "
        "libssl-dev) and build again.\n",
        stderr);
    return EXIT_FINDING;
}
#else

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "registry/reference.h"
#include "url.h"
#include "verify/verify.h"

static const char usage[] =
    "Usage: signpost verify [OPTION…] URL [IMAGE…]\n"
    "\n"
    "Checks a front door that is in service, signpost's or anyone's, as registry\n"
    "clients would use it: that images arrive, and that signatures, attestations, SBOMs\n"
    "and referrers are found at the canonical registry, by tag and by digest. It reads\n"
    "only. What fails is told with the requests that show it, the clients that break,\n"
    "and the cure, in TAP.\n"
    "\n"
    "URL is the front door's, https://registry.example.org. IMAGE is a name with a tag\n"
    "or a digest, team/app:v1; a host before it is not looked at. Without an IMAGE only\n"
    "the front door itself is checked: /v2/, methods, and bad input.\n"
    "\n"
    "  --canonical URL    the registry where signatures are written; a path in it\n"
    "                     stands before the images' names. Else it is learned from where\n"
    "                     the front door sends the tag of a signature\n"
    "  --whole            all platforms and layers of an image; else one platform, its\n"
    "                     configuration and smallest layer\n"
    "  --json             prints JSON at the end, in place of TAP\n"
    "\n"
    "The exit status is 1 if a check failed, or not all could be made.\n";

/* A list of words that grows; the words are borrowed, unless they are its own. */
struct words {
    const char **list;
    size_t count, room;
};

static bool add_word(struct words *words, const char *word)
{
    if (words->count == words->room) {
        size_t room = words->room ? 2 * words->room : 16;
        const char **list = realloc(words->list, room * sizeof *list);
        if (!list)
            return false;
        words->list = list;
        words->room = room;
    }
    words->list[words->count++] = word;
    return true;
}

static int misuse(const char *sentence)
{
    return command_misuse("verify", "%s", sentence);
}

int cmd_verify(int argc, char **argv)
{
    static const struct option options[] = {{"canonical", required_argument, NULL, 'c'},
                                            {"whole", no_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct verify_call call = {.jobs = 4};
    struct words images = {0};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            call.canonical = optarg;
            break;
        case 'w':
            call.whole = true;
            break;
        case 'j':
            call.json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return misuse("that is no option.");
        }
    }
    if (optind == argc)
        return misuse("which URL?");
    call.url = argv[optind];
    for (int i = optind + 1; i < argc; i++)
        add_word(&images, argv[i]);
    call.images = images.list;
    call.image_count = images.count;
    int status = verify(&call);
    free(images.list);
    return status;
}
#endif
