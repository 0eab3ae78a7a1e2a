/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/report.h"

#include <stdlib.h>
#include <string.h>

/* One section: the findings of a kind, under a heading that comes before the first. */
struct section {
    const struct audit_report *report;
    enum finding finding; /* FINDINGS: what could not be read */
    const char *heading;
    bool begun;
};

static void begin(struct section *section)
{
    if (!section->begun)
        fprintf(section->report->out, "%s\n\n", section->heading);
    section->begun = true;
}

static void end(struct section *section)
{
    if (section->begun)
        putc('\n', section->report->out);
}

static void print_names(FILE *out, const json_t *names)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
        fprintf(out, "%s%s", i ? ", " : "  (", json_string_value(name));
    if (json_array_size(names))
        putc(')', out);
}

static void print_digests(FILE *out, json_t *digests)
{
    const char *name;
    json_t *digest;

    json_object_foreach(digests, name, digest)
        fprintf(out, "\n    %-20s %s", name, json_string_value(digest));
}

static void print_finding(struct section *section, const char *repository, const json_t *finding)
{
    FILE *out = section->report->out;
    const char *kind = json_string_value(json_object_get(finding, "kind"));
    char *reference = audit_report_reference(repository, finding);
    char *command = audit_report_command(section->report->registries, repository, finding);
    json_t *at = json_object_get(finding, "at");

    begin(section);
    fprintf(out, "  %-11s  %s", kind ? kind : "repository", reference ? reference : "");
    print_names(out, at);
    print_digests(out, at);
    if (command)
        fprintf(out, "\n    %s", command);
    putc('\n', out);
    free(reference);
    free(command);
}

static void print_unread(struct section *section, const char *repository, const json_t *record)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(record, "registries"), i, entry)
    {
        const char *why = json_string_value(json_object_get(entry, "unread"));
        if (!why || i >= section->report->registries->count)
            continue;
        begin(section);
        fprintf(section->report->out, "  %s at %s: %s\n", repository,
                section->report->registries->list[i].name, why);
    }
}

static bool print_record(void *context, const json_t *record)
{
    struct section *section = context;
    const char *repository = json_string_value(json_object_get(record, "repository"));
    const json_t *finding;
    size_t i;

    if (section->finding == FINDINGS)
        print_unread(section, repository, record);
    else
        json_array_foreach(json_object_get(record, "findings"), i,
                           finding) if (finding_of(finding) == section->finding)
            print_finding(section, repository, finding);
    return true;
}

static bool print_section(const struct audit_report *report, enum finding finding,
                          const char *heading, struct why *why)
{
    struct section section = {.report = report, .finding = finding, .heading = heading};
    bool good = journal_each(report->journal, print_record, &section, why);

    end(&section);
    return good;
}

static void print_blind(const struct audit_report *report)
{
    char *const *blind = report->repositories->blind;

    for (size_t i = 0; blind && i < report->registries->count; i++)
        if (blind[i])
            fprintf(report->out,
                    "The catalog of %s cannot be read (%s): a repository that it alone has would "
                    "not be seen.\n\n",
                    report->registries->list[i].name, blind[i]);
}

/* ---- numbers ---- */

static void print_registries(const struct audit_report *report)
{
    fprintf(report->out, "%-24s %9s %10s %12s %9s %9s %9s\n", "registry", "images", "signatures",
            "attestations", "SBOMs", "referrers", "requests");
    for (size_t i = 0; i < report->registries->count; i++) {
        const struct holding_totals *holding = &report->totals->registries[i];
        const size_t *has = holding->has;
        char name[64];
        snprintf(name, sizeof name, "%.40s%s", report->registries->list[i].name,
                 i ? "" : " (canonical)");
        fprintf(report->out, "%-24s %9zu %10zu %12zu %9zu %9zu %9zu\n", name, has[THING_IMAGE],
                has[THING_SIGNATURE], has[THING_ATTESTATION], has[THING_SBOM], has[THING_REFERRER],
                holding->requests);
    }
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_only(const struct audit_report *report)
{
    const char *name = report->registries->list[0].name;
    const struct totals *totals = report->totals;

    fprintf(report->out, "\nOnly at %s, which is fine: ", name);
    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++)
        fprintf(report->out, "%s%zu %s%s", kind ? ", " : "", totals->only[kind],
                thing_kind_word(kind), plural(totals->only[kind]));
    fputs(".\n", report->out);
    if (totals->contained)
        fprintf(report->out,
                "Under %zu signature tag%s upstreams have an older state; all of it is in that of "
                "%s.\n",
                totals->contained, plural(totals->contained), name);
}

static void print_duration(FILE *out, double seconds)
{
    if (seconds >= 7200)
        fprintf(out, "%.1f hours", seconds / 3600);
    else if (seconds >= 120)
        fprintf(out, "%.1f minutes", seconds / 60);
    else
        fprintf(out, "%.1f seconds", seconds);
}

static void print_cost(const struct audit_report *report)
{
    double seconds = audit_report_pass_seconds(report);
    size_t things = totals_replicated(report->totals), upstreams = report->registries->count - 1;
    size_t requests = audit_report_pass_requests(report);

    fprintf(report->out,
            "A pass of replication looks for %zu signature%s, attestations and the like at %zu "
            "upstream%s:\n%zu request%s",
            things, plural(things), upstreams, plural(upstreams), requests, plural(requests));
    if (seconds > 0) {
        fputs(", at the pace of this audit ", report->out);
        print_duration(report->out, seconds);
    }
    fputs(". Without replication it is none.\n", report->out);
    if (report->requests && report->seconds > 0)
        fprintf(report->out, "This audit has sent %zu request%s in %.1f seconds.\n",
                report->requests, plural(report->requests), report->seconds);
}

static void print_verdict(const struct audit_report *report)
{
    const struct totals *totals = report->totals;

    fputs("\n", report->out);
    if (totals_may_switch(totals)) {
        fprintf(report->out,
                "Replication may be switched off: %s has all that the others have, in %zu "
                "repositor%s.\n",
                report->registries->list[0].name, totals->repositories,
                totals->repositories == 1 ? "y" : "ies");
        return;
    }
    fprintf(report->out,
            "Do not switch replication off yet: %zu missing, %zu different, %zu unread, %zu "
            "nowhere.\n",
            totals->findings[FINDING_MISSING], totals->findings[FINDING_DIFFERS],
            totals->unread + totals->blind, totals->findings[FINDING_NOWHERE]);
}

bool audit_report_text(const struct audit_report *report, struct why *why)
{
    bool good =
        print_section(report, FINDING_MISSING,
                      "Missing at the canonical registry: copy these there first.", why) &&
        print_section(report, FINDING_DIFFERS,
                      "One tag, several digests: find out which one is right.", why) &&
        print_section(report, FINDINGS, "These could not be read, so more may be missing.", why) &&
        print_section(report, FINDING_NOWHERE, "No registry has these: is the name right?", why) &&
        print_section(report, FINDING_UNSIGNED,
                      "Images without a signature anywhere: sign them, if they should be.", why);

    if (!good)
        return false;
    print_blind(report);
    print_registries(report);
    print_only(report);
    print_cost(report);
    print_verdict(report);
    return true;
}
