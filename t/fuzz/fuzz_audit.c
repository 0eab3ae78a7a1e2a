/* SPDX-License-Identifier: Apache-2.0 */
/* The file that `signpost audit --resume` goes on with: any bytes behind its first line. */
#include "config.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef HAVE_REGISTRY
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include <stdio.h>
#include <unistd.h>
#include "cmd/audit/report.h"

static struct registry list[] = {{"us", (char[]){"https://us.example.org"}, (char[]){"mirror"}},
                                 {"eu", (char[]){"http://eu.example.org"}, (char[]){""}}};
static const struct registries registries = {.list = list, .count = 2};

/* A file whose first line is right, and what follows is not known. */
static bool write_file(char *name, const uint8_t *data, size_t size)
{
    struct why why;
    int fd = mkstemp(name);

    if (fd < 0)
        return false;
    close(fd);
    struct journal *journal = journal_open(name, &registries, false, &why);
    FILE *file = journal ? fopen(name, "a") : NULL;
    journal_close(journal, false, NULL);
    if (!file)
        return false;
    fwrite(data, 1, size, file);
    return fclose(file) == 0;
}

static void report(struct journal *journal, FILE *out)
{
    static bool (*const write[])(const struct audit_report *, struct why *) = {
        audit_report_text, audit_report_json, audit_report_csv};
    struct repositories repositories = {0};
    struct totals totals;
    struct why why;
    const struct audit_report report = {.out = out,
                                        .registries = &registries,
                                        .repositories = &repositories,
                                        .journal = journal,
                                        .totals = &totals};

    if (!totals_sum(&totals, journal, 2, &why))
        abort(); /* what was read once can be read again */
    for (size_t i = 0; i < sizeof write / sizeof *write; i++)
        if (!write[i](&report, &why))
            abort();
    totals_clear(&totals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "/tmp/signpost-fuzz-XXXXXX";
    struct why why;
    bool written = write_file(name, data, size);
    struct journal *journal = written ? journal_open(name, &registries, false, &why) : NULL;
    FILE *out = journal ? fopen("/dev/null", "w") : NULL;

    if (written && !journal)
        abort();
    if (out)
        report(journal, out);
    if (out)
        fclose(out);
    journal_close(journal, true, NULL);
    return 0;
}
#endif
