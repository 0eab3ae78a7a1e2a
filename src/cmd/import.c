/* SPDX-License-Identifier: Apache-2.0 */
/* signpost import: a configuration made from what somebody runs today. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "cmd/command.h"
#include "cmd/import/archeio.h"
#include "cmd/import/manifest.h"
#include "parse/oci.h"

static const char usage[] =
    "Usage: signpost import archeio [--name NAME] [MANIFEST…] > signpost.conf\n"
    "\n"
    "Prints a commented configuration that does what a given archeio does. It reads\n"
    "archeio's variables from manifests of Cloud Run or Kubernetes (YAML or JSON; \"-\"\n"
    "is standard input), or without any from its own environment:\n"
    "UPSTREAM_REGISTRY_ENDPOINT, UPSTREAM_REGISTRY_PATH, SIGNATURE_UPSTREAM_ENDPOINT\n"
    "and DEFAULT_AWS_BASE_URL. Where archeio runs once in each region, give all their\n"
    "manifests: one signpost does for all.\n"
    "\n"
    "  --name NAME   the public name, such as registry.example.org\n";

static bool read_file(struct archeio *archeio, const char *name)
{
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(name, "re");
    struct why why;

    if (!in) {
        fprintf(stderr, "signpost import: %s cannot be read: %s.\n", name, strerror(errno));
        return false;
    }
    bool good = manifest_read(archeio, in, &why);
    if (!good)
        fprintf(stderr, "signpost import: %s: %s\n", name, why.text);
    if (!is_stdin)
        fclose(in);
    return good;
}

static bool read_environment(struct archeio *archeio)
{
    struct why why;

    if (archeio_from_environment(archeio, &why))
        return true;
    fprintf(stderr, "signpost import: the environment variable %s\n", why.text);
    return false;
}

static int import_archeio(const char *name, char *const *files)
{
    struct archeio archeio = {0};
    struct why why;
    bool good = true;

    if (!*files)
        good = read_environment(&archeio);
    for (; good && *files; files++)
        good = read_file(&archeio, *files);
    if (good && !archeio_print(&archeio, name, stdout, &why)) {
        fprintf(stderr, "signpost import: %s\n", why.text);
        good = false;
    }
    archeio_clear(&archeio);
    return good ? EXIT_FINE : EXIT_FINDING;
}

/* A host, perhaps with a port: what stands before the repository in an image's name. */
static bool is_public_name(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-:") == strlen(name);
}

int cmd_import(int argc, char **argv)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *name = NULL;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (c != 'n')
            return command_misuse("import", "that is no option.");
        name = optarg;
    }
    if (name && !is_public_name(name))
        return command_misuse("import", "\"%.60s\" is no name of a registry.", name);
    if (optind == argc || strcmp(argv[optind], "archeio") != 0)
        return command_misuse("import", "say what to import: archeio.");
    return import_archeio(name, argv + optind + 1);
}
