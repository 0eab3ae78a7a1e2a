/* SPDX-License-Identifier: Apache-2.0 */
/* What an audit tells: for people, as JSON, and as CSV. */
#ifndef CMD_AUDIT_REPORT_H
#define CMD_AUDIT_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "cmd/audit/journal.h"
#include "cmd/audit/registries.h"
#include "cmd/audit/repositories.h"
#include "cmd/audit/totals.h"

struct audit_report {
    FILE *out;
    const struct registries *registries;
    const struct repositories *repositories;
    struct journal *journal;
    const struct totals *totals;
    size_t requests; /* that this run has sent */
    double seconds;  /* that they took */
};

/* Each writes a whole report. False with the reason if the records cannot be read. */
bool audit_report_text(const struct audit_report *report, struct why *why);
bool audit_report_json(const struct audit_report *report, struct why *why);
bool audit_report_csv(const struct audit_report *report, struct why *why);

/* ---- what they share ---- */

/* "team/app:v1" or "team/app@sha256:…", to be freed; NULL without memory. */
char *audit_report_reference(const char *repository, const json_t *finding);

/*
 * The command that copies what is missing to the canonical registry, to be freed;
 * NULL if the finding is no such, or without memory.
 */
char *audit_report_command(const struct registries *registries, const char *repository,
                           const json_t *finding);

/* Requests that each pass of replication takes, and seconds at this run's pace (0: not known). */
size_t audit_report_pass_requests(const struct audit_report *report);
double audit_report_pass_seconds(const struct audit_report *report);

#endif
