/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the loading of configurations: each is either refused, with a sentence about
 * every mistake, or is whole and gives sound answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include "../unit/leaks.h"
#include "../unit/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_TRIED = 16384 };

static void must(const char *fault)
{
    if (fault) {
        fprintf(stderr, "unsound: %s\n", fault);
        abort();
    }
}

static void check_problems(const struct problems *problems, bool accepted)
{
    size_t errors = 0;

    for (size_t i = 0; i < problems->count; i++) {
        const char *text = problems->list[i].text;
        must(text && *text ? NULL : "a problem says nothing");
        errors += problems->list[i].severity == PROBLEM_ERROR;
    }
    must(errors == problems->errors ? NULL : "errors are miscounted");
    must(accepted == (errors == 0) ? NULL : "it is accepted with errors, or refused without");
}

static void check_answers(const struct config *config)
{
    static const char digest[] =
        "sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097";
    static const char *const targets[] = {
        "/v2/a/manifests/v1",         "/v2/a/blobs/", "/v2/a/referrers/",
        "/v2/a/tags/list?n=1&last=x", "/v2/",         "/"};
    static struct answer answer;

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        for (int far = 0; far < 2; far++) {
            char target[256], method[] = "REQUEST_METHOD=GET", region[] = "SIGNPOST_REGION=FR";
            char address[] = "REMOTE_ADDR=2001:db8::1";
            char *variables[] = {method, target, far ? region : NULL, address, NULL};
            snprintf(target, sizeof target, "REQUEST_URI=%s%s", targets[i],
                     targets[i][strlen(targets[i]) - 1] == '/' && i > 0 && i < 4 ? digest : "");
            respond(config, NULL, variables, &answer);
            must(unsound(config, &answer, false));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (size <= SIZE_MAX_TRIED) {
        struct config *config = config_parse(text, &problems);
        check_problems(&problems, config != NULL);
        if (config)
            check_answers(config);
        config_free(config);
        problems_clear(&problems);
    }
    free(text);
    return 0;
}
