/* SPDX-License-Identifier: Apache-2.0 */
/* The `signpost` command: finds the subcommand and runs it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cmd/command.h"
#include "core/suggest.h"
#include "core/version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"audit", cmd_audit, "says whether signatures need to be replicated any more"},
    {"check", cmd_check, "checks a configuration, and prints what it means"},
    {"drain", cmd_drain, "sends no more requests to a target"},
    {"explain", cmd_explain, "says where a request goes, and why"},
    {"forget", cmd_forget, "forgets what was found out about a target"},
    {"hosts", cmd_hosts, "lists every host that clients may be sent to"},
    {"import", cmd_import, "makes a configuration from that of archeio"},
    {"index", cmd_index, "writes and checks the index of signatures' digests"},
    {"map", cmd_map, "draws a world map of the targets and of who goes where"},
    {"options", cmd_options, "lists every option of a configuration"},
    {"places", cmd_places, "lists and searches the known regions and countries"},
    {"prober", cmd_prober, "looks who holds what, and who is up, for all responders"},
    {"ranges", cmd_ranges, "compiles published address ranges into a database"},
    {"reload", cmd_reload, "has running responders read their configuration again"},
    {"replay", cmd_replay, "tells what a new configuration changes for the requests of a log"},
    {"share", cmd_share, "sets the share of its requests that a target takes"},
    {"state", cmd_state, "shows how the upstreams and buckets are"},
    {"target", cmd_target, "says where signatures of an image are written"},
    {"undrain", cmd_drain, "sends requests to a target again"},
    {"verify", cmd_verify, "checks a front door in service, as clients would use it"},
    {"where", cmd_where, "says where an address or a region is, and what is near it"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out)
{
    fputs("Usage: signpost COMMAND [OPTION…]\n\n"
          "The tools of signpost, the front door for container registries.\n\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n`signpost COMMAND --help` tells more. The exit status is 0 when all is well, 1 for a\n"
          "finding, such as a mistake in a configuration, and 2 for a call that makes no sense.\n",
          out);
}

static void version(void)
{
    puts("signpost " VERSION_TEXT
#ifdef HAVE_JANSSON
         ", jansson"
#endif
#ifdef HAVE_LIBCURL
         ", libcurl"
#endif
#ifdef HAVE_LIBYAML
         ", libyaml"
#endif
    );
}

static int unknown(const char *name)
{
    struct suggestion near = suggest_start(slice_of(name));

    for (size_t i = 0; i < COMMANDS; i++)
        suggest_try(&near, commands[i].name);
    fprintf(stderr, "signpost: there is no command \"%.60s\"%s `signpost --help` lists them.\n",
            name, suggest_ending(near.best).text);
    return EXIT_MISUSE;
}

/* What was printed and did not get where it was to go, such as onto a full disk, is a failure. */
static int finish(const char *name, int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "signpost %s: Standard output cannot be written: %s.\n", name,
            errno ? strerror(errno) : "an earlier write failed");
    return status == EXIT_FINE ? EXIT_FINDING : status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_MISUSE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        version();
        return EXIT_FINE;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return finish(argv[1], commands[i].run(argc - 1, argv + 1));
    return unknown(argv[1]);
}
