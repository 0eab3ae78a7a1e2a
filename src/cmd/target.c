/* SPDX-License-Identifier: Apache-2.0 */
/* signpost target: where the signatures of an image are written, and under which name. */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/command.h"
#include "cmd/command_json.h"
#include "config/configuration.h"
#include "parse/reference.h"
#ifdef HAVE_REGISTRY
#include "registry/http.h"
#endif

static const char usage[] =
    "Usage: signpost target [--config FILE] [--check] [--identity|--json] IMAGE\n"
    "\n"
    "Prints where signatures of an image must be pushed, as clients write it: the first\n"
    "canonical registry, with its prefix. A promoter asks so in place of choosing a\n"
    "registry itself:\n"
    "\n"
    "  cosign sign --sign-container-identity \"$(signpost target --identity IMAGE)\" \\\n"
    "      \"$(signpost target IMAGE)\"\n"
    "\n"
    "IMAGE is a name, perhaps with a tag or a digest, with or without the public host:\n"
    "team/app, team/app:v1, team/app@sha256:….\n"
    "\n"
    "  --config FILE  the configuration; else the one the responder would find\n"
    "  --check        asks the registry, too, and prints nothing if it does not answer\n"
    "  --identity     prints the public name, which the signature must carry: policies\n"
    "                 by name refuse an image whose signature names another registry\n"
    "                 than it was pulled from\n"
    "  --json         prints both, with the registry and the repository there\n"
    "\n"
    "The exit status is 1 if --check found that the registry does not answer.\n";

struct call {
    const char *file;
    bool check, identity, json;
};

/* An image at the canonical registry. */
struct destination {
    const struct target *registry;
    struct slice host, name;
    char repository[1024]; /* there: with the prefix */
    struct slice rest;     /* ":v1", "@sha256:…", or nothing */
    struct slice tag;      /* the same without a digest */
    struct slice public_name;
};

static bool fail(const char *sentence)
{
    fprintf(stderr, "signpost target: %s\n", sentence);
    return false;
}

static bool find(struct destination *to, const struct config *config, const char *text)
{
    struct image_reference image;
    struct why why;

    to->registry = config->canonical[0];
    to->host = url_authority(to->registry->url);
    to->public_name = config->name;
    if (!image_reference_parse(&image, text, &why))
        return fail(why.text);
    if (image.host.len && !slice_equal_nocase(image.host, config->name) &&
        !slice_equal_nocase(image.host, to->host))
        return fail("The image is at another registry: leave the host away, or name this one's.");
    to->name = image.name;
    to->rest = slice_of(image.name.at + image.name.len);
    const char *at = memchr(to->rest.at, '@', to->rest.len);
    to->tag = slice_to(to->rest, at ? (size_t)(at - to->rest.at) : to->rest.len);
    struct slice prefix = to->registry->prefix;
    int n = snprintf(to->repository, sizeof to->repository, "%.*s%s%.*s", (int)prefix.len,
                     prefix.len ? prefix.at : "", prefix.len ? "/" : "", (int)image.name.len,
                     image.name.at);
    return n < (int)sizeof to->repository || fail("The name of the repository is too long.");
}

/* ---- asking ---- */

#ifdef HAVE_REGISTRY
/* distribution-spec, "Determining Support": 200, or 401 if one has to log in for it. */
static bool answers(const struct destination *to)
{
    struct http *http = http_new();
    struct http_response *response = calloc(1, sizeof *response);
    struct why why;
    char *url = NULL;
    bool good = http && response &&
                asprintf(&url, "%.*s/v2/", (int)to->registry->url.len, to->registry->url.at) > 0;

    if (!good)
        fail("There is not enough memory.");
    else if (!http_ask(http, &(struct http_request){.url = url}, response, &why)) {
        fprintf(stderr, "signpost target: %s does not answer: %s.\n", url, why.text);
        good = false;
    } else if (response->status != 200 && response->status != 401) {
        fprintf(stderr, "signpost target: %s answers %ld, as no registry that is up does.\n", url,
                response->status);
        good = false;
    }
    free(url);
    free(response);
    http_free(http);
    return good;
}
#else
static bool answers(const struct destination *to)
{
    (void)to;
    return fail("This signpost was built without libcurl, jansson or libcrypto and cannot ask "
                "registries; install them and build again, or leave --check away.");
}
#endif

/* ---- printing ---- */

/* "us.example.org/mirror/team/app@sha256:…", as clients write it. */
static void write_target(FILE *out, const struct destination *to)
{
    fprintf(out, "%.*s/%s%.*s", (int)to->host.len, to->host.at, to->repository, (int)to->rest.len,
            to->rest.at);
}

/* "registry.example.org/team/app:v1": signatures name a repository, perhaps a tag. */
static void write_identity(FILE *out, const struct destination *to)
{
    fprintf(out, "%.*s/%.*s%.*s", (int)to->public_name.len, to->public_name.at, (int)to->name.len,
            to->name.at, (int)to->tag.len, to->tag.at);
}

#ifdef HAVE_JANSSON
/* What is written there, as a JSON string; NULL without memory. */
static json_t *json_of(void (*write)(FILE *, const struct destination *),
                       const struct destination *to)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    write(out, to);
    fclose(out);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static int print_json(const struct destination *to)
{
    json_t *json =
        json_pack("{s:o,s:o,s:s,s:s%,s:s}", "target", json_of(write_target, to), "identity",
                  json_of(write_identity, to), "registry", to->registry->name, "url",
                  to->registry->url.at, to->registry->url.len, "repository", to->repository);

    return command_print_json("target", json, JSON_INDENT(2));
}
#else
static int print_json(const struct destination *to)
{
    (void)to;
    return command_misuse("target", "this build has no JSON: it was made without jansson.");
}
#endif

static int print(const struct call *call, const struct destination *to)
{
    if (call->json)
        return print_json(to);
    if (call->identity)
        write_identity(stdout, to);
    else
        write_target(stdout, to);
    putchar('\n');
    return EXIT_FINE;
}

static int run(const struct call *call, const struct config *config, const char *image)
{
    struct destination to;

    if (!find(&to, config, image))
        return EXIT_MISUSE;
    return !call->check || answers(&to) ? print(call, &to) : EXIT_FINDING;
}

int cmd_target(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"identity", no_argument, NULL, 'i'},     {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct call call = {0};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (c == '?')
            return command_misuse("target", "that is no option.");
        if (c == 'c')
            call.file = optarg;
        call.check |= c == 'k';
        call.identity |= c == 'i';
        call.json |= c == 'j';
    }
    if (argc - optind != 1)
        return command_misuse("target", "which IMAGE? There is to be one.");
    struct config *config = command_load(call.file, false);
    int status = config ? run(&call, config, argv[optind]) : EXIT_FINDING;
    config_free(config);
    return status;
}
