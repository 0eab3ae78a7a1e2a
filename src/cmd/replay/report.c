/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cmd/replay/report.h"

#include <inttypes.h>
#include <string.h>
#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

enum { LABELS_MAX = 2 * TARGETS_MAX };

/* What one target gets, by its name: it may be another number in the new configuration. */
struct load {
    const char *name;
    uint64_t now, then;
};

struct loads {
    struct load load[LABELS_MAX];
    size_t count;
};

void report_sum(struct report *report)
{
    for (size_t i = 0; i < report->row_count; i++) {
        const struct tally_row *row = &report->row[i];
        report->requests += row->requests;
        report->bytes += row->bytes;
        if (!tally_key_of(row).changed)
            continue;
        report->changed += row->requests;
        report->changed_bytes += row->bytes;
    }
}

double report_percent(const struct report *report)
{
    return report->requests ? 100.0 * (double)report->changed / (double)report->requests : 0;
}

static const char *place_words(const struct report *report, const struct tally_key *key)
{
    const struct comparison *comparison = report->comparison;
    const struct side *side = key->place_is_new ? &comparison->next : &comparison->present;

    return key->place == NO_PLACE ? "unknown" : place_key(&side->config->places, key->place);
}

static struct load *load_of(struct loads *loads, const struct side *side, tally_outcome outcome)
{
    if (outcome >= OUTCOME_PAGES)
        return NULL;
    const char *name = side->config->targets[outcome].name;
    for (size_t i = 0; i < loads->count; i++)
        if (strcmp(loads->load[i].name, name) == 0)
            return &loads->load[i];
    loads->load[loads->count].name = name;
    return &loads->load[loads->count++];
}

static void sum_loads(const struct report *report, struct loads *loads)
{
    memset(loads, 0, sizeof *loads);
    for (size_t i = 0; i < report->row_count; i++) {
        const struct tally_row *row = &report->row[i];
        struct tally_key key = tally_key_of(row);
        struct load *load = load_of(loads, &report->comparison->present, key.before);
        if (load)
            load->now += row->requests;
        load = load_of(loads, &report->comparison->next, key.after);
        if (load)
            load->then += row->requests;
    }
}

static void print_summary(const struct report *report, FILE *out)
{
    fprintf(out, "%" PRIu64 " requests read", report->requests);
    if (report->no_request)
        fprintf(out, "; %" PRIu64 " lines hold none", report->no_request);
    if (report->unreadable)
        fprintf(out, "; %" PRIu64 " lines could not be read", report->unreadable);
    fprintf(out, ".\n%" PRIu64 " of them (%.2f %%) are answered differently under %s",
            report->changed, report_percent(report), report->next_file);
    if (report->bytes)
        fprintf(out, ", %" PRIu64 " of %" PRIu64 " bytes", report->changed_bytes, report->bytes);
    fputs(".\n", out);
}

static void print_change(const struct report *report, const struct tally_row *row, FILE *out)
{
    struct tally_key key = tally_key_of(row);
    char before[32], after[32];

    fprintf(out, "%12" PRIu64 "  ", row->requests);
    if (report->bytes)
        fprintf(out, "%15" PRIu64 "  ", row->bytes);
    fprintf(out, "%-16s  %-20s  %s → %s\n", class_name(key.class), place_words(report, &key),
            compare_words(report->comparison->present.config, key.before, before),
            compare_words(report->comparison->next.config, key.after, after));
    fprintf(out, "%14s%s\n", "", row->example ? row->example : "");
}

static void print_changes(const struct report *report, size_t top, FILE *out)
{
    size_t printed = 0, left = 0;

    fprintf(out, "\n%12s  ", "requests");
    if (report->bytes)
        fprintf(out, "%15s  ", "bytes");
    fprintf(out, "%-16s  %-20s  now → then, and an example\n", "class", "client");
    for (size_t i = 0; i < report->row_count; i++) {
        if (!tally_key_of(&report->row[i]).changed)
            continue;
        if (top && printed == top) {
            left++;
            continue;
        }
        print_change(report, &report->row[i], out);
        printed++;
    }
    if (left)
        fprintf(out, "… and %zu more kinds of change: --top 0 shows all.\n", left);
}

static void print_loads(const struct report *report, FILE *out)
{
    struct loads loads;

    sum_loads(report, &loads);
    fprintf(out, "\n%12s  %12s  %10s  target\n", "now", "then", "change");
    for (size_t i = 0; i < loads.count; i++) {
        const struct load *load = &loads.load[i];
        fprintf(out, "%12" PRIu64 "  %12" PRIu64 "  ", load->now, load->then);
        if (load->now)
            fprintf(out, "%+8.2f %%", 100.0 * ((double)load->then / (double)load->now - 1));
        else
            fprintf(out, "%10s", "new");
        fprintf(out, "  %s\n", load->name);
    }
}

void report_print(const struct report *report, size_t top, FILE *out)
{
    print_summary(report, out);
    if (report->changed)
        print_changes(report, top, out);
    if (report->requests)
        print_loads(report, out);
}

#ifdef HAVE_JANSSON
static json_t *change_json(const struct report *report, const struct tally_row *row)
{
    const struct comparison *comparison = report->comparison;
    struct tally_key key = tally_key_of(row);
    char before[32], after[32];
    json_t *example = row->example ? json_string(row->example) : NULL;

    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o*}", "class", class_name(key.class),
                     "client", place_words(report, &key), "now",
                     compare_words(comparison->present.config, key.before, before), "then",
                     compare_words(comparison->next.config, key.after, after), "requests",
                     (json_int_t)row->requests, "bytes", (json_int_t)row->bytes, "example",
                     example);
}

static json_t *changes_json(const struct report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->row_count; i++)
        if (tally_key_of(&report->row[i]).changed)
            json_array_append_new(list, change_json(report, &report->row[i]));
    return list;
}

static json_t *loads_json(const struct report *report)
{
    json_t *list = json_array();
    struct loads loads;

    sum_loads(report, &loads);
    for (size_t i = 0; i < loads.count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", loads.load[i].name, "now",
                                              (json_int_t)loads.load[i].now, "then",
                                              (json_int_t)loads.load[i].then));
    return list;
}

bool report_print_json(const struct report *report, FILE *out)
{
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "lines", (json_int_t)report->lines,
        "no_request", (json_int_t)report->no_request, "unreadable", (json_int_t)report->unreadable,
        "requests", (json_int_t)report->requests, "bytes", (json_int_t)report->bytes, "changed",
        (json_int_t)report->changed, "changed_bytes", (json_int_t)report->changed_bytes,
        "changed_percent", report_percent(report), "changes", changes_json(report), "targets",
        loads_json(report));
    bool good = json && json_dumpf(json, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;

    json_decref(json);
    return good;
}
#else
bool report_print_json(const struct report *report, FILE *out)
{
    (void)report, (void)out;
    fputs("signpost replay: this build has no JSON: it was made without jansson.\n", stderr);
    return false;
}
#endif
