/* SPDX-License-Identifier: Apache-2.0 */
/* signpost explain: the decision on one request, or on many, with its reasons. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/command.h"
#include "cmd/explanation.h"
#include "config/configuration.h"
#include "core/arena.h"
#ifdef HAVE_JANSSON
#include "cmd/command_json.h"
#include "cmd/explanation_json.h"
#endif

enum { VARIABLES_MAX = 64 };

static const char usage[] =
    "Usage: signpost explain [OPTION…] TARGET\n"
    "       signpost explain [--config FILE] --batch < REQUESTS\n"
    "\n"
    "Says where a request goes and why: by the same code as the responder, with no\n"
    "network. TARGET is a path such as /v2/pause/manifests/3.9, or a URL.\n"
    "\n"
    "  --config FILE       the configuration; else the one the responder would find\n"
    "  --ip ADDRESS        the client's address (REMOTE_ADDR)\n"
    "  --header 'N: V'     a header of the request; may be given again\n"
    "  --region REGION     what the web server says of the region (SIGNPOST_REGION)\n"
    "  --method METHOD     GET if not given\n"
    "  --json              prints JSON\n"
    "  --batch             reads requests from standard input, a JSON object a line:\n"
    "                      {\"target\": …, \"method\": …, \"ip\": …, \"region\": …,\n"
    "                      \"headers\": {\"N\": \"V\"}}, all but the first optional;\n"
    "                      writes a JSON decision a line\n";

/* CGI variables being collected. */
struct variables {
    struct arena *arena;
    char *list[VARIABLES_MAX + 1];
    size_t count;
};

static bool set_variable(struct variables *v, const char *name, const char *value)
{
    if (v->count == VARIABLES_MAX)
        return false;
    v->list[v->count] = arena_format(v->arena, "%s=%s", name, value);
    return v->list[v->count] && ++v->count;
}

static bool set_header(struct variables *v, struct slice name, const char *value)
{
    char variable[256];

    return request_variable_of_header(variable, sizeof variable, name) &&
           set_variable(v, variable, value);
}

/* "Name: value", as curl takes it. */
static bool set_header_line(struct variables *v, const char *line)
{
    const char *colon = strchr(line, ':');

    if (!colon || colon == line)
        return false;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    return set_header(v, (struct slice){line, (size_t)(colon - line)}, value);
}

struct call {
    const char *file, *method, *target;
    bool json, batch;
    struct variables variables;
};

#ifdef HAVE_JANSSON
static int print_json(const struct explanation *e, size_t flags)
{
    return command_print_json("explain", explain_json(e), flags);
}

static bool read_request(json_t *json, struct variables *v, const char **method,
                         const char **target)
{
    const char *ip = NULL, *region = NULL, *name;
    json_t *headers = NULL, *value;

    *method = "GET";
    if (json_unpack(json, "{s:s, s?s, s?s, s?s, s?o}", "target", target, "method", method, "ip",
                    &ip, "region", &region, "headers", &headers) < 0)
        return false;
    if (headers && !json_is_object(headers))
        return false;
    json_object_foreach(
        headers, name,
        value) if (!json_is_string(value) ||
                   !set_header(v, slice_of(name), json_string_value(value))) return false;
    return set_variable(v, "REQUEST_METHOD", *method) && set_variable(v, "REQUEST_URI", *target) &&
           (!ip || set_variable(v, "REMOTE_ADDR", ip)) &&
           (!region || set_variable(v, "SIGNPOST_REGION", region));
}

static bool explain_line(const struct config *config, const struct knowledge *knowledge,
                         const char *line, struct explanation *e)
{
    struct variables v = {.arena = arena_new()};
    json_error_t error;
    json_t *json = json_loads(line, 0, &error);
    const char *method, *target;
    bool fine = v.arena && json && read_request(json, &v, &method, &target);

    if (fine) {
        explain(e, config, knowledge, method, target, v.list);
        fine = print_json(e, JSON_COMPACT) == EXIT_FINE;
    }
    json_decref(json);
    arena_free(v.arena);
    return fine;
}

static int run_batch(const struct config *config, const struct knowledge *knowledge,
                     struct explanation *e)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    int status = EXIT_FINE;

    while (status == EXIT_FINE && getline(&line, &size, stdin) >= 0) {
        number++;
        if (!explain_line(config, knowledge, line, e)) {
            fprintf(stderr,
                    "signpost explain: line %zu is no request: write a JSON object such as "
                    "{\"target\": \"/v2/pause/manifests/3.9\"}.\n",
                    number);
            status = EXIT_FINDING;
        }
    }
    if (status == EXIT_FINE && !feof(stdin)) {
        fprintf(stderr, "signpost explain: standard input cannot be read: %s.\n", strerror(errno));
        status = EXIT_FINDING;
    }
    free(line);
    return status;
}
#else
static int print_json(const struct explanation *e, int flags)
{
    (void)e, (void)flags;
    return command_misuse("explain", "this build has no JSON: it was made without jansson.");
}

static int run_batch(const struct config *config, const struct knowledge *knowledge,
                     struct explanation *e)
{
    (void)config, (void)knowledge;
    return print_json(e, 0);
}
#define JSON_INDENT(n) (n)
#endif

static int run_one(const struct call *call, const struct config *config,
                   const struct knowledge *knowledge, struct explanation *e)
{
    explain(e, config, knowledge, call->method, call->target, call->variables.list);
    if (call->json)
        return print_json(e, JSON_INDENT(2));
    explain_print(e, stdout);
    return EXIT_FINE;
}

static int run(const struct call *call)
{
    struct config *config = command_load(call->file, false);
    struct explanation *e = calloc(1, sizeof *e);
    struct knowledge knowledge;
    char name[] = "explain";
    int status = EXIT_FINDING;

    if (config && !e)
        command_starved(name);
    else if (config && knowledge_open(&knowledge, config, instant_now(), command_say, name)) {
        status =
            call->batch ? run_batch(config, &knowledge, e) : run_one(call, config, &knowledge, e);
        knowledge_close(&knowledge);
    }
    free(e);
    config_free(config);
    return status;
}

/* Takes one option; false if its value is wrong. */
static bool take_option(struct call *call, int option, char *value)
{
    struct variables *v = &call->variables;

    switch (option) {
    case 'c':
        call->file = value;
        return true;
    case 'i':
        return set_variable(v, "REMOTE_ADDR", value);
    case 'H':
        return set_header_line(v, value);
    case 'r':
        return set_variable(v, "SIGNPOST_REGION", value);
    case 'm':
        call->method = value;
        return true;
    case 'j':
        return call->json = true;
    case 'b':
        return call->batch = true;
    default:
        return false;
    }
}

static int parse_and_run(struct call *call, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"ip", required_argument, NULL, 'i'},
                                            {"header", required_argument, NULL, 'H'},
                                            {"region", required_argument, NULL, 'r'},
                                            {"method", required_argument, NULL, 'm'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"batch", no_argument, NULL, 'b'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (c == '?')
            return command_misuse("explain", "that is no option.");
        if (!take_option(call, c, optarg))
            return command_misuse("explain", "\"%.60s\" is no header: write 'Name: value'.",
                                  optarg);
    }
    if (call->batch ? optind != argc : optind + 1 != argc)
        return command_misuse("explain", call->batch ? "with --batch there is no TARGET."
                                                     : "there must be one TARGET.");
    if (!call->batch) {
        call->target = argv[optind];
        if (*call->target != '/' && !strstr(call->target, "://"))
            fputs("signpost explain: TARGET is the path of a request, such as "
                  "/v2/pause/manifests/3.9.\n",
                  stderr);
        set_variable(&call->variables, "REQUEST_METHOD", call->method);
        set_variable(&call->variables, "REQUEST_URI", call->target);
    }
    return run(call);
}

int cmd_explain(int argc, char **argv)
{
    struct call call = {.method = "GET", .variables.arena = arena_new()};
    int status =
        call.variables.arena ? parse_and_run(&call, argc, argv) : command_starved("explain");

    arena_free(call.variables.arena);
    return status;
}
