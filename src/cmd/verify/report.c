/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/report.h"

#include <stdio.h>
#include "cmd/verify/checks.h"
#include "cmd/verify/trial.h"

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static const struct check_words *words_of(const json_t *finding)
{
    enum check check = CHECK_PING;

    check_find(&check, slice_of(text_in(finding, "check")));
    return &check_words[check];
}

void verify_report_start(struct verify_report *report, bool as_json, const struct door *door)
{
    *report = (struct verify_report){.as_json = as_json, .findings = json_array()};
    if (as_json)
        return;
    printf("TAP version 13\n# %s\n", door->url);
    if (door->canonical)
        printf("# Signatures are written at %s.\n", door->canonical);
    fflush(stdout);
}

/* ---- TAP ---- */

static void print_hop(const json_t *hop)
{
    const char *location = text_in(hop, "location");
    long long status = json_integer_value(json_object_get(hop, "status"));

    printf("#   %s %s\n", text_in(hop, "method"), text_in(hop, "url"));
    if (status)
        printf("#     %lld%s%s\n", status, *location ? ", Location: " : "", location);
    else
        puts("#     no answer");
}

static void print_faults(const json_t *finding)
{
    const json_t *faults = json_object_get(finding, "faults");
    const struct check_words *words = words_of(finding);
    long long wrong = json_integer_value(json_object_get(finding, "wrong"));

    for (size_t i = 0; i < json_array_size(faults); i++) {
        const json_t *fault = json_array_get(faults, i), *hops = json_object_get(fault, "hops");
        for (size_t j = 0; j < json_array_size(hops); j++)
            print_hop(json_array_get(hops, j));
        printf("#   wrong: %s\n", text_in(fault, "wrong"));
    }
    if (wrong > (long long)json_array_size(faults))
        printf("#   %lld of %lld are wrong; these are the first.\n", wrong,
               (long long)json_integer_value(json_object_get(finding, "tried")));
    printf("#   expected: %s\n#   breaks: %s\n#   cure: %s\n", words->expected, words->breaks,
           words->cure);
}

/* " [FR at 192.0.2.1:443]", or nothing. */
static void print_view(const json_t *finding)
{
    const char *place = text_in(finding, "place"), *address = text_in(finding, "address");

    if (*place && *address)
        printf(" [from %s at %s]", place, address);
    else if (*place)
        printf(" [from %s]", place);
    else if (*address)
        printf(" [at %s]", address);
}

/* A TAP line's description may hold no "#", which would start a directive. */
static void print_tap(const struct verify_report *report, const json_t *finding)
{
    const char *outcome = text_in(finding, "outcome");
    size_t number = report->passed + report->failed + report->skipped;

    printf("%sok %zu - %s: %s", *outcome == 'f' ? "not " : "", number, text_in(finding, "subject"),
           words_of(finding)->name);
    print_view(finding);
    if (*outcome == 's')
        printf(" # SKIP %s", text_in(finding, "reason"));
    putchar('\n');
    if (*outcome == 'f')
        print_faults(finding);
}

/* ---- JSON ---- */

/* The finding with what the table has to say of it. */
static json_t *with_words(json_t *finding)
{
    json_t *whole = json_copy(finding);
    const struct check_words *words = words_of(finding);

    json_object_set_new(whole, "name", json_string(words->name));
    json_object_set_new(whole, "expected", json_string(words->expected));
    json_object_set_new(whole, "breaks", json_string(words->breaks));
    json_object_set_new(whole, "cure", json_string(words->cure));
    return whole;
}

void verify_report_add(struct verify_report *report, const json_t *findings)
{
    for (size_t i = 0; i < json_array_size(findings); i++) {
        json_t *finding = json_array_get(findings, i);
        const char *outcome = text_in(finding, "outcome");
        report->failed += *outcome == 'f';
        report->skipped += *outcome == 's';
        report->passed += *outcome == 'p';
        if (report->as_json)
            json_array_append_new(report->findings, with_words(finding));
        else
            print_tap(report, finding);
    }
    fflush(stdout);
}

static void print_json(const struct verify_report *report, const struct door *door,
                       const char *cause)
{
    json_t *whole =
        json_pack("{s:s, s:s?, s:b, s:o?, s:I, s:I, s:I, s:O}", "url", door->url, "canonical",
                  door->canonical, "complete", !cause, "cause", cause ? safe_text(cause) : NULL,
                  "passed", (json_int_t)report->passed, "failed", (json_int_t)report->failed,
                  "skipped", (json_int_t)report->skipped, "findings", report->findings);

    json_dumpf(whole, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(whole);
}

static void print_plan(const struct verify_report *report, const char *cause)
{
    size_t all = report->passed + report->failed + report->skipped;

    if (!cause)
        printf("1..%zu\n", all);
    printf("# %zu passed, %zu failed, %zu skipped.\n", report->passed, report->failed,
           report->skipped);
    if (cause)
        printf("Bail out! %s\n", cause);
}

bool verify_report_end(struct verify_report *report, const struct door *door, const char *cause)
{
    bool good = !cause && !report->failed;

    if (report->as_json)
        print_json(report, door, cause);
    else
        print_plan(report, cause);
    json_decref(report->findings);
    report->findings = NULL;
    return good;
}
