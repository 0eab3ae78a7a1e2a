/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes manifests for signpost import: whatever they hold, what is printed can be loaded. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/import/archeio.h"
#include "cmd/import/manifest.h"
#include "config/configuration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_load(const char *text)
{
    struct problems problems = {0};
    struct config *config = config_parse(text, &problems);

    if (!config) {
        fputs(text, stderr);
        problems_print(&problems, stderr);
        abort();
    }
    problems_clear(&problems);
    config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct archeio archeio = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

    if (!in)
        return 0;
    bool good = manifest_read(&archeio, in, NULL);
    FILE *out = open_memstream(&text, &len);
    if (out) {
        good = good && archeio_print(&archeio, NULL, out, NULL);
        fclose(out);
        if (good)
            must_load(text);
        free(text);
    }
    fclose(in);
    archeio_clear(&archeio);
    return 0;
}
