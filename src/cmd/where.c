/* SPDX-License-Identifier: Apache-2.0 */
/* signpost where: where a client is, what says so, and what is near it. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/command.h"
#include "cmd/command_json.h"
#include "cmd/explanation.h"
#include "config/configuration.h"
#ifdef HAVE_JANSSON
#include "cmd/explanation_json.h"
#endif

static const char usage[] =
    "Usage: signpost where [--config FILE] [--json] ADDRESS|REGION\n"
    "\n"
    "Says where a client is that has this address, or of which the region header says\n"
    "this: its place, the database, the prefix and the record that tell it, and the\n"
    "upstreams in the order in which \"nearest\" would take them, with distances.\n";

struct call {
    const char *file, *asked;
    bool json;
};

static void print_value(void *context, const char *path, const char *value)
{
    fprintf(context, "          %s = %s\n", path, value);
}

/* Gives what the database says of the client, if that is what tells where it is. */
static int describe(const struct explanation *e, const struct knowledge *knowledge,
                    geodb_value *value, void *context)
{
    const struct client *client = &e->routed.client;

    if (client->database < 0 ||
        geodb_describe(knowledge->geodb, client->database, &client->address, value, context))
        return EXIT_FINE;
    fputs("signpost where: The database's record cannot be read.\n", stderr);
    return EXIT_FINDING;
}

static int print_text(const struct explanation *e, const struct knowledge *knowledge)
{
    explain_print_client(e, stdout);
    if (e->routed.client.database >= 0)
        puts("record");
    int status = describe(e, knowledge, print_value, stdout);
    explain_print_ranks(e, TARGETS_MAX, stdout);
    return status;
}

#ifdef HAVE_JANSSON
static void add_value(void *context, const char *path, const char *value)
{
    json_object_set_new(context, path, json_string(value));
}

static int print_json(const struct explanation *e, const struct knowledge *knowledge)
{
    json_t *record = json_object();
    int status = describe(e, knowledge, add_value, record);
    json_t *json = json_pack("{s:o, s:o, s:o}", "client", explain_client_json(e), "record", record,
                             "nearest", explain_ranks_json(e));
    int printed = command_print_json("where", json, JSON_INDENT(2));
    return status != EXIT_FINE ? status : printed;
}
#else
static int print_json(const struct explanation *e, const struct knowledge *knowledge)
{
    (void)e, (void)knowledge;
    return command_misuse("where", "this build has no JSON: it was made without jansson.");
}
#endif

static int look(const struct call *call, const struct config *config,
                const struct knowledge *knowledge, struct explanation *e)
{
    struct address address = address_parse(slice_of(call->asked));
    char method[] = "REQUEST_METHOD=GET", uri[] = "REQUEST_URI=/v2/any/manifests/latest";
    char *variables[] = {NULL, method, uri, NULL};

    if (asprintf(&variables[0], "%s=%s",
                 address_is_ip(&address) ? "REMOTE_ADDR" : "SIGNPOST_REGION", call->asked) < 0)
        return command_starved("where");
    explain(e, config, knowledge, "GET", call->asked, variables);
    int status = call->json ? print_json(e, knowledge) : print_text(e, knowledge);
    free(variables[0]);
    return status != EXIT_FINE                         ? status
           : e->routed.client.source == CLIENT_UNKNOWN ? EXIT_FINDING
                                                       : EXIT_FINE;
}

static int run(const struct call *call)
{
    struct config *config = command_load(call->file, false);
    struct explanation *e = calloc(1, sizeof *e);
    struct knowledge knowledge;
    char name[] = "where";
    int status = EXIT_FINDING;

    if (config && !e)
        command_starved(name);
    else if (config && knowledge_open(&knowledge, config, instant_now(), command_say, name)) {
        status = look(call, config, &knowledge, e);
        knowledge_close(&knowledge);
    }
    free(e);
    config_free(config);
    return status;
}

int cmd_where(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .takes_json = true, .least = 1, .most = 1};

    if (!command_read(&line, argc, argv))
        return line.status;
    return run(&(struct call){line.file, line.arguments[0], line.json});
}
