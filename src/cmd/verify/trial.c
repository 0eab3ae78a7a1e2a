/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/trial.h"

#include <stdarg.h>
#include <stdio.h>

enum { FAULTS_KEPT = 3, CLAUSE_MAX = 512, TEXT_MAX = 2048 };

struct trial trial_begin(struct inspection *inspection, enum check check)
{
    return (struct trial){.inspection = inspection, .check = check, .faults = json_array()};
}

void trial_try(struct trial *trial)
{
    trial->tried++;
}

json_t *safe_text(const char *text)
{
    char clean[TEXT_MAX];
    size_t n = 0;

    for (; text[n] && n + 1 < sizeof clean; n++)
        clean[n] = (unsigned char)text[n] >= ' ' && text[n] < 0x7f ? text[n] : '?';
    clean[n] = '\0';
    return json_string(clean);
}

static json_t *hops_json(const struct journey *journey)
{
    json_t *hops = json_array();

    for (size_t i = 0; journey && i < journey->count; i++) {
        const struct hop *hop = &journey->hop[i];
        json_t *told = json_pack("{s:s, s:o, s:i}", "method", hop->method, "url",
                                 safe_text(hop->url), "status", (int)hop->status);
        if (hop->location && hop->location[0])
            json_object_set_new(told, "location", safe_text(hop->location));
        json_array_append_new(hops, told);
    }
    return hops;
}

void trial_fault(struct trial *trial, const struct journey *journey, const char *format, ...)
{
    char clause[CLAUSE_MAX];
    va_list args;

    if (++trial->failed > FAULTS_KEPT)
        return;
    va_start(args, format);
    vsnprintf(clause, sizeof clause, format, args);
    va_end(args);
    json_array_append_new(trial->faults, json_pack("{s:o, s:o}", "wrong", safe_text(clause), "hops",
                                                   hops_json(journey)));
}

void trial_end(struct trial *trial, const char *reason)
{
    const struct inspection *inspection = trial->inspection;
    const struct view *view = inspection->traveller.view;
    const char *outcome = trial->failed ? "failed" : trial->tried ? "passed" : "skipped";

    json_t *finding = json_pack(
        "{s:s, s:s, s:s?, s:s?, s:s, s:I, s:I}", "check", check_words[trial->check].key, "subject",
        inspection->subject, "place", view->place, "address", view->address, "outcome", outcome,
        "tried", (json_int_t)trial->tried, "wrong", (json_int_t)trial->failed);
    if (trial->failed)
        json_object_set(finding, "faults", trial->faults);
    else if (!trial->tried)
        json_object_set_new(finding, "reason", json_string(reason));
    json_array_append_new(inspection->findings, finding);
    json_decref(trial->faults);
    trial->faults = NULL;
}
