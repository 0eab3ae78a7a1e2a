/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the way of a request. The input is first CGI variables, one a line, and then
 * all of it a raw target. Whatever it is, the answer must be a sound one: no control
 * byte in a header, no Location but from a configured URL, nothing beside the prefix.
 */
#include <stdio.h>
#include <stdlib.h>
#include "../unit/sound.h"
#include "parse/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 32 };

static const char layout[] =
    "name = \"registry.example.org\"; prefix = \"team/images\"; canonical = [ \"us\", \"own\" ];"
    "upstreams = {"
    "  eu = { url = \"https://eu.example.org\"; serves = [ \"EU\", \"AF\" ]; ipv4_only = true; };"
    "  us = { url = \"https://us.example.org\"; place = \"aws:us-east-1\"; };"
    "  own = { url = \"http://own.example.org:5000/mirror\"; prefix = \"\"; serves = \"JP\"; }; };"
    "buckets = ("
    "  { name = \"cdn\"; url = \"https://cdn.example.org/{digest}\"; serves = \"FR\"; },"
    "  { name = \"parts\"; url = \"https://parts.example.org/{algorithm}/x-{encoded}.bin\";"
    "    serves = \"*\"; } );"
    "pages = ( { path = \"/\"; url = \"https://example.org/?a=b#c\"; } );"
    "trusted_proxies = [ \"10.0.0.0/8\", \"unix\" ];"
    "rules = ( { match = \"blob\"; client = [ \"FR\", \"2001:db8::/32\" ]; to = [ \"bucket\", "
    "\"us\" ]; },"
    "          { match = \"tags-list\"; client = \"CH\"; query = \"keep\"; to = \"nearest\"; },"
    "          \"default\" );";

static void must(const char *fault)
{
    if (fault) {
        fprintf(stderr, "unsound: %s\n", fault);
        abort();
    }
}

static const struct config *config_once(void)
{
    static struct config *config;
    struct problems problems = {0};

    if (!config) {
        config = config_parse(layout, &problems);
        problems_clear(&problems);
        must(config ? NULL : "the configuration is refused");
    }
    return config;
}

static bool is_within(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

/* The whole input, with any bytes in it, as a target. */
static void check_target(const struct config *config, struct slice target)
{
    static struct request request;

    request_set_target(&request, target);
    if (request.fault != TARGET_FINE)
        return;
    struct classified c = classify(request.path, &config->signatures);
    must(is_within(c.name, request.path) && is_within(c.reference, request.path)
             ? NULL
             : "a part is outside the path");
    must(is_within(request.query, target) ? NULL : "the query is outside the target");
    if (c.class < CLASS_ROUTED) {
        must(oci_is_name(c.name) ? NULL : "a name is none");
        must(c.is_digest == oci_is_digest(c.reference) ? NULL : "a digest is none");
        must(c.is_digest || oci_is_tag(c.reference) ? NULL : "a tag is none");
    }
}

static void check_answer(const struct config *config, char *const *variables)
{
    static struct answer answer;
    bool head = false;

    respond(config, NULL, variables, &answer);
    for (size_t i = 0; variables[i]; i++)
        if (strncmp(variables[i], "REQUEST_METHOD=", 15) == 0)
            head = strcmp(variables[i] + 15, "HEAD") == 0;
    must(unsound(config, &answer, head));
}

/* Variables, one a line, that are also asked for with a HEAD. */
static void check_lines(const struct config *config, char *text)
{
    char *list[VARIABLES_MAX + 1] = {0}, head[] = "REQUEST_METHOD=HEAD";
    char *rest;
    size_t count = 0;

    for (char *line = strtok_r(text, "\n", &rest); line && count < VARIABLES_MAX - 1;
         line = strtok_r(NULL, "\n", &rest))
        list[count++] = line;
    check_answer(config, list);
    list[count] = head;
    check_answer(config, list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char name[] = "REQUEST_URI=";
    const struct config *config = config_once();
    char *text = malloc(sizeof name + size), method[] = "REQUEST_METHOD=GET";
    char *whole[] = {method, text, NULL};

    if (!text)
        return 0;
    check_target(config, (struct slice){(const char *)data, size});
    memcpy(text, name, sizeof name - 1);
    memcpy(text + sizeof name - 1, data, size);
    text[sizeof name - 1 + size] = '\0';
    check_answer(config, whole);
    check_lines(config, text + sizeof name - 1);
    free(text);
    return 0;
}
