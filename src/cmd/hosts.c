/* SPDX-License-Identifier: Apache-2.0 */
/* signpost hosts: every host that a client may be sent to. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/command.h"
#include "cmd/command_json.h"
#include "config/configuration.h"

static const char usage[] =
    "Usage: signpost hosts [--config FILE] [--json]\n"
    "\n"
    "Lists every host that a client may be sent to, one a line, sorted: for the\n"
    "firewalls of those who pull. A port is shown where the URL has one.\n"
    "\n"
    "  --json   with the targets and pages that are at each host\n";

/* A host, and what is there. */
struct entry {
    struct slice host;
    const char *what; /* the name of a target, or the path of a page */
    const char *kind;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return slice_compare(x->host, y->host);
}

static struct entry *entries_of(const struct config *config, size_t *count)
{
    struct entry *list = calloc(config->target_count + config->page_count + 1, sizeof *list);

    *count = 0;
    if (!list)
        return NULL;
    for (size_t i = 0; i < config->target_count; i++) {
        const struct target *target = &config->targets[i];
        list[(*count)++] =
            (struct entry){url_authority(target->url), target->name,
                           target->kind == TARGET_UPSTREAM ? "upstreams" : "buckets"};
    }
    for (size_t i = 0; i < config->page_count; i++)
        list[(*count)++] =
            (struct entry){url_authority(config->pages[i].url), config->pages[i].path.at, "pages"};
    qsort(list, *count, sizeof *list, compare);
    return list;
}

static void print_lines(const struct entry *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !slice_equal(list[i].host, list[i - 1].host))
            printf("%.*s\n", (int)list[i].host.len, list[i].host.at);
}

#ifdef HAVE_JANSSON
static int print_json(const struct entry *list, size_t count)
{
    json_t *hosts = json_array(), *host = NULL;

    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !slice_equal(list[i].host, list[i - 1].host)) {
            host = json_pack("{s:s%,s:[],s:[],s:[]}", "host", list[i].host.at, list[i].host.len,
                             "upstreams", "buckets", "pages");
            json_array_append_new(hosts, host);
        }
        json_array_append_new(json_object_get(host, list[i].kind), json_string(list[i].what));
    }
    return command_print_json("hosts", hosts, JSON_INDENT(2));
}
#else
static int print_json(const struct entry *list, size_t count)
{
    (void)list, (void)count;
    return command_misuse("hosts", "this build has no JSON: it was made without jansson.");
}
#endif

int cmd_hosts(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .takes_json = true};
    int status = EXIT_FINE;
    size_t count;

    if (!command_read(&line, argc, argv))
        return line.status;
    struct config *config = command_load(line.file, false);
    if (!config)
        return EXIT_FINDING;
    struct entry *list = entries_of(config, &count);
    if (line.json)
        status = print_json(list, count);
    else
        print_lines(list, count);
    free(list);
    config_free(config);
    return status;
}
