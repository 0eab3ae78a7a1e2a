/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer where there is none: gives a fuzz target every file of its
 * corpus, and reports in TAP. Linked as fuzz_THING it reads t/fuzz/corpus/THING below
 * SIGNPOST_SRC (else the current folder); files may be named instead.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in memory of exactly its size; NULL if it cannot be read. */
static uint8_t *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data = NULL;

    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long length = ftell(file);
        rewind(file);
        data = length < 0 ? NULL : malloc(length ? (size_t)length : 1);
        *size = data ? fread(data, 1, (size_t)length, file) : 0;
    }
    fclose(file);
    return data;
}

static void replay(const char *name)
{
    size_t size = 0;
    uint8_t *data = read_file(name, &size);

    printf("# %s\n", name); /* told before, since a fault ends the program */
    fflush(stdout);
    if (data)
        LLVMFuzzerTestOneInput(data, size);
    ok(data != NULL, "%s", strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
    free(data);
}

static void replay_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    if (count < 0) {
        fail("%s: %s", folder, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];
        if (entries[i]->d_name[0] != '.' &&
            snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name) < (int)sizeof name)
            replay(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    const char *source = getenv("SIGNPOST_SRC"), *name = strrchr(argv[0], '/');
    const char *thing = strstr(name ? name : argv[0], "fuzz_");
    char folder[PATH_MAX];

    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1 && thing &&
        snprintf(folder, sizeof folder, "%s/t/fuzz/corpus/%s", source ? source : ".",
                 thing + strlen("fuzz_")) < (int)sizeof folder)
        replay_folder(folder);
    ok(tap_run > 0, "there is a corpus");
    return done_testing();
}
