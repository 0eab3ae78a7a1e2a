/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as people and programs read them: TAP as they come, or one JSON text at the end. */
#ifndef CMD_VERIFY_REPORT_H
#define CMD_VERIFY_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "cmd/verify/door.h"

struct verify_report {
    bool as_json;
    size_t passed, failed, skipped;
    json_t *findings; /* kept for the end, if as_json */
};

void verify_report_start(struct verify_report *report, bool as_json, const struct door *door);

/* Tells the findings of an inspection, which stay the caller's. */
void verify_report_add(struct verify_report *report, const json_t *findings);

/*
 * Closes the report. With a cause (a sentence) it bails out: not all was checked. True
 * if all was, and nothing failed.
 */
bool verify_report_end(struct verify_report *report, const struct door *door, const char *cause);

#endif
