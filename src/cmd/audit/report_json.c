/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/report.h"

#include <stdlib.h>

/* Findings are written as they come: there may be many. */
struct stream {
    const struct audit_report *report;
    bool begun;
};

static void put(struct stream *stream, json_t *finding)
{
    fputs(stream->begun ? ",\n    " : "\n    ", stream->report->out);
    json_dumpf(finding, stream->report->out, JSON_COMPACT);
    json_decref(finding);
    stream->begun = true;
}

static void put_finding(struct stream *stream, const char *repository, json_t *entry)
{
    json_t *finding = json_pack("{s:O,s:s}", "finding", json_object_get(entry, "finding"),
                                "repository", repository);
    char *command = audit_report_command(stream->report->registries, repository, entry);

    json_object_update_missing(finding, entry);
    if (command)
        json_object_set_new(finding, "command", json_string(command));
    free(command);
    put(stream, finding);
}

static bool put_record(void *context, const json_t *record)
{
    struct stream *stream = context;
    const struct registries *registries = stream->report->registries;
    const char *repository = json_string_value(json_object_get(record, "repository"));
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(record, "findings"), i, entry)
        put_finding(stream, repository, entry);
    json_array_foreach(json_object_get(record, "registries"), i, entry)
    {
        json_t *why = json_object_get(entry, "unread");
        if (why && i < registries->count)
            put(stream, json_pack("{s:s,s:s,s:[s],s:O}", "finding", "unread", "repository",
                                  repository, "at", registries->list[i].name, "why", why));
    }
    return true;
}

static void put_blind(struct stream *stream)
{
    const struct audit_report *report = stream->report;
    char *const *blind = report->repositories->blind;

    for (size_t i = 0; blind && i < report->registries->count; i++)
        if (blind[i])
            put(stream, json_pack("{s:s,s:[s],s:s}", "finding", "no catalog", "at",
                                  report->registries->list[i].name, "why", blind[i]));
}

static json_t *counts_json(const size_t counts[THING_KINDS])
{
    json_t *json = json_object();

    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++)
        json_object_set_new(json, thing_kind_word(kind), json_integer((json_int_t)counts[kind]));
    return json;
}

static json_t *registries_json(const struct audit_report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->registries->count; i++) {
        const struct registry *registry = &report->registries->list[i];
        const struct holding_totals *holding = &report->totals->registries[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:b,s:o,s:I}", "name", registry->name,
                                              "url", registry->url, "prefix", registry->prefix,
                                              "canonical", i == 0, "has", counts_json(holding->has),
                                              "requests", (json_int_t)holding->requests));
    }
    return list;
}

static json_t *summary_json(const struct audit_report *report)
{
    const struct totals *totals = report->totals;
    double seconds = audit_report_pass_seconds(report);
    json_t *pass = json_pack("{s:I,s:I,s:I,s:o*}", "things", (json_int_t)totals_replicated(totals),
                             "upstreams", (json_int_t)report->registries->count - 1,
                             "requests_per_pass", (json_int_t)audit_report_pass_requests(report),
                             "seconds_per_pass", seconds > 0 ? json_real(seconds) : NULL);

    return json_pack("{s:o,s:I,s:o,s:I,s:o,s:I,s:f,s:b}", "registries", registries_json(report),
                     "repositories", (json_int_t)totals->repositories, "only_at_canonical",
                     counts_json(totals->only), "contained", (json_int_t)totals->contained,
                     "replication", pass, "requests", (json_int_t)report->requests, "seconds",
                     report->seconds, "may_switch_off", totals_may_switch(totals));
}

bool audit_report_json(const struct audit_report *report, struct why *why)
{
    struct stream stream = {.report = report};

    fputs("{\n  \"findings\": [", report->out);
    if (!journal_each(report->journal, put_record, &stream, why))
        return false;
    put_blind(&stream);
    json_t *summary = summary_json(report);
    char *text = json_dumps(summary, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputs(stream.begun ? "\n  ]," : "],", report->out);
    fputs(text ? text + 1 : "}", report->out); /* its own brace has been written */
    putc('\n', report->out);
    free(text);
    json_decref(summary);
    return true;
}
