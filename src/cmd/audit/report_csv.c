/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/report.h"

#include <stdlib.h>
#include <string.h>

/* A field as RFC 4180 has it; NULL is an empty one. */
static void put(FILE *out, const char *text, char after)
{
    bool quoted = text && text[strcspn(text, ",\"\r\n")];

    if (quoted)
        putc('"', out);
    for (const char *at = text ? text : ""; *at; at++) {
        if (*at == '"')
            putc('"', out);
        putc(*at, out);
    }
    if (quoted)
        putc('"', out);
    putc(after, out);
}

/* The registries of a finding, "eu;us", or with their digests, "eu=sha256:…;us=sha256:…". */
static void put_registries(FILE *out, json_t *at)
{
    const char *name;
    json_t *entry;
    size_t i = 0;

    if (json_is_object(at)) {
        json_object_foreach(at, name, entry)
            fprintf(out, "%s%s=%s", i++ ? ";" : "", name, json_string_value(entry));
    } else {
        json_array_foreach(at, i, entry)
            fprintf(out, "%s%s", i ? ";" : "", json_string_value(entry));
    }
    putc(',', out);
}

static void put_finding(const struct audit_report *report, const char *repository,
                        const json_t *finding)
{
    static const char *const columns[] = {"kind", "tag", "digest", "subject"};
    char *command = audit_report_command(report->registries, repository, finding);

    put(report->out, json_string_value(json_object_get(finding, "finding")), ',');
    put(report->out, repository, ',');
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        put(report->out, json_string_value(json_object_get(finding, columns[i])), ',');
    put_registries(report->out, json_object_get(finding, "at"));
    put(report->out, command, '\n');
    free(command);
}

/* What could not be read has the reason in the last column. */
static void put_unread(FILE *out, const char *finding, const char *repository, const char *registry,
                       const char *why)
{
    put(out, finding, ',');
    put(out, repository, ',');
    fputs(",,,,", out);
    put(out, registry, ',');
    put(out, why, '\n');
}

static bool put_record(void *context, const json_t *record)
{
    const struct audit_report *report = context;
    const char *repository = json_string_value(json_object_get(record, "repository"));
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(record, "findings"), i, entry)
        put_finding(report, repository, entry);
    json_array_foreach(json_object_get(record, "registries"), i, entry)
    {
        const char *why = json_string_value(json_object_get(entry, "unread"));
        if (why && i < report->registries->count)
            put_unread(report->out, "unread", repository, report->registries->list[i].name, why);
    }
    return true;
}

bool audit_report_csv(const struct audit_report *report, struct why *why)
{
    char *const *blind = report->repositories->blind;
    struct audit_report copy = *report;

    fputs("finding,repository,kind,tag,digest,subject,registries,command or reason\n", report->out);
    if (!journal_each(report->journal, put_record, &copy, why))
        return false;
    for (size_t i = 0; blind && i < report->registries->count; i++)
        if (blind[i])
            put_unread(report->out, "no catalog", NULL, report->registries->list[i].name, blind[i]);
    return true;
}
