/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/audit.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "cmd/audit/compare.h"
#include "cmd/audit/crew.h"
#include "cmd/audit/report.h"
#include "cmd/command.h"
#include "cmd/index/index_merge.h"
#include "cmd/progress.h"
#include "config/configuration.h"
#include "registry/signatures.h"
#include "state/index_file.h"

struct audit {
    const struct audit_call *call;
    struct config *config;
    struct registries registries;
    struct repositories repositories;
    struct journal *journal;
    char **wanted; /* the repositories that are still to be read; strings of the list's */
    size_t wanted_count;
    struct progress progress;
    size_t requests;
    double seconds;
    bool finished; /* all was done: nothing is left to go on with */
    struct why why;
};

static bool say(struct audit *audit, const char *sentence)
{
    progress_wipe(&audit->progress);
    fprintf(stderr, "signpost audit: %s\n", sentence);
    return false;
}

/* ---- what to read ---- */

static bool collect(struct audit *audit)
{
    const struct audit_call *call = audit->call;
    struct repositories *repositories = &audit->repositories;
    bool good = true;

    for (size_t i = 0; good && i < call->name_count; i++)
        good = repositories_add(repositories, audit->config->name, call->names[i], &audit->why);
    if (good && call->repositories)
        good =
            repositories_read(repositories, audit->config->name, call->repositories, &audit->why);
    if (good && !call->repositories && call->name_count == 0)
        good = repositories_list(repositories, &audit->registries, &audit->why);
    if (!good)
        return say(audit, audit->why.text);
    repositories_sort(repositories);
    return repositories->names.count > 0 || say(audit, "There is no repository to look at.");
}

/* Leaves away what the journal has already. */
static bool choose(struct audit *audit)
{
    const struct name_list *names = &audit->repositories.names;

    audit->wanted = calloc(names->count, sizeof *audit->wanted);
    for (size_t i = 0; audit->wanted && i < names->count; i++)
        if (!journal_has(audit->journal, names->list[i]))
            audit->wanted[audit->wanted_count++] = names->list[i];
    return audit->wanted || say(audit, "There is not enough memory.");
}

/* An index that cannot be added to is better known of before hours of reading. */
static bool check_index(struct audit *audit)
{
    const char *name = audit->call->index;

    return !name || access(name, F_OK) < 0 || index_file_check_named(name, NULL, &audit->why) ||
           say(audit, audit->why.text);
}

static bool prepare(struct audit *audit)
{
    const struct audit_call *call = audit->call;

    audit->config = command_load(call->config, false);
    if (!audit->config)
        return false;
    if (!registries_of(&audit->registries, audit->config))
        return say(audit, "There is not enough memory.");
    if (audit->registries.count < 2)
        return say(audit, "The configuration has no upstream beside the canonical one: there is "
                          "nothing to compare.");
    if (!check_index(audit))
        return false;
    audit->journal = journal_open(call->resume, &audit->registries, call->index, &audit->why);
    if (!audit->journal)
        return say(audit, audit->why.text);
    return collect(audit) && choose(audit);
}

/* ---- reading ---- */

static bool take(void *context, struct slice repository, const struct inventory *inventories)
{
    struct audit *audit = context;
    json_t *record = audit_compare(repository, &audit->registries, inventories);
    bool good = record ? journal_add(audit->journal, record, &audit->why)
                       : why_not(&audit->why, "There is not enough memory.");

    json_decref(record);
    return good;
}

static void show(void *context, size_t repositories, size_t requests)
{
    struct audit *audit = context;
    size_t before = audit->repositories.names.count - audit->wanted_count;

    audit->requests = requests;
    progress_show(&audit->progress, "%zu of %zu repositories, %zu requests", before + repositories,
                  audit->repositories.names.count, requests);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool read_all(struct audit *audit)
{
    const struct crew_task task = {
        .registries = &audit->registries,
        .tags = &audit->config->signatures,
        .contents = audit->call->index,
        .repositories = audit->wanted,
        .repository_count = audit->wanted_count,
        .parallel = audit->call->parallel,
        .take = take,
        .progress = show,
        .context = audit,
    };
    double begun = now();
    bool good = audit->wanted_count == 0 || crew_run(&task, &audit->why);

    audit->seconds = now() - begun;
    progress_wipe(&audit->progress);
    return good;
}

static int tell_interruption(struct audit *audit)
{
    size_t unread, read = journal_count(audit->journal, &unread);

    fprintf(stderr, "signpost audit: It was stopped after %zu of %zu repositories", read - unread,
            audit->repositories.names.count);
    if (audit->call->resume)
        fputs("; the same command goes on there.\n", stderr);
    else
        fputs("; with --resume FILE it could go on there.\n", stderr);
    return EXIT_INTERRUPTED;
}

/* ---- the index ---- */

/* As lines of an index. */
struct contents {
    struct digest_set content, own;
};

static void add_lines(struct digest_set *lines, const json_t *list, struct slice repository)
{
    const json_t *digest;
    size_t i;

    json_array_foreach(list, i, digest)
    {
        struct slice text = {json_string_value(digest), json_string_length(digest)};
        if (oci_is_digest(text))
            digest_set_add_line(lines, text, repository);
    }
}

static bool take_contents(void *context, const json_t *record)
{
    struct contents *contents = context;

    struct slice repository = slice_of(json_string_value(json_object_get(record, "repository")));

    if (!oci_is_name(repository))
        return true;
    add_lines(&contents->content, json_object_get(record, "content"), repository);
    add_lines(&contents->own, json_object_get(record, "own"), repository);
    return true;
}

/* Adds to the index what belongs to images at the canonical registry. */
static bool write_index(struct audit *audit)
{
    struct contents contents = {0};
    struct index_merged merged;
    bool good = journal_each(audit->journal, take_contents, &contents, &audit->why);

    digest_set_subtract(&contents.content, &contents.own);
    if (good && contents.content.starved)
        good = why_not(&audit->why, "There is not enough memory.");
    good = good && index_merge(audit->call->index, contents.content.list, contents.content.count,
                               &merged, &audit->why);
    digest_set_clear(&contents.content);
    digest_set_clear(&contents.own);
    if (!good)
        return say(audit, audit->why.text);
    fprintf(stderr, "signpost audit: %s: %zu line%s added, %zu in all.\n", audit->call->index,
            merged.added, merged.added == 1 ? "" : "s", merged.all);
    return true;
}

/* ---- the report ---- */

static bool report(struct audit *audit, bool *may_switch)
{
    static bool (*const write[])(const struct audit_report *,
                                 struct why *) = {[AUDIT_TEXT] = audit_report_text,
                                                  [AUDIT_JSON] = audit_report_json,
                                                  [AUDIT_CSV] = audit_report_csv};
    struct totals totals;
    const struct audit_report report = {
        .out = stdout,
        .registries = &audit->registries,
        .repositories = &audit->repositories,
        .journal = audit->journal,
        .totals = &totals,
        .requests = audit->requests,
        .seconds = audit->seconds,
    };
    bool good = totals_sum(&totals, audit->journal, audit->registries.count, &audit->why);

    for (size_t i = 0; audit->repositories.blind && i < audit->registries.count; i++)
        totals.blind += audit->repositories.blind[i] != NULL;
    good = good && write[audit->call->format](&report, &audit->why);
    *may_switch = good && totals_may_switch(&totals);
    totals_clear(&totals);
    return good ? fflush(stdout) == 0 && !ferror(stdout) : say(audit, audit->why.text);
}

static int run(struct audit *audit)
{
    bool may_switch = false;

    if (!prepare(audit))
        return interrupt_came() ? EXIT_INTERRUPTED : EXIT_FINDING;
    if (!read_all(audit)) {
        if (interrupt_came())
            return tell_interruption(audit);
        say(audit, audit->why.text);
        return EXIT_FINDING;
    }
    bool good = !audit->call->index || write_index(audit);
    good = report(audit, &may_switch) && good;
    audit->finished = good;
    return good && may_switch ? EXIT_FINE : EXIT_FINDING;
}

int audit(const struct audit_call *call)
{
    struct audit audit = {.call = call};
    size_t unread = 1;

    progress_start(&audit.progress);
    interrupt_hold();
    int status = run(&audit);
    bool whole = audit.finished && journal_count(audit.journal, &unread) > 0 && unread == 0;
    if (!journal_close(audit.journal, whole, &audit.why)) {
        say(&audit, audit.why.text);
        status = EXIT_FINDING;
    }
    free(audit.wanted);
    repositories_clear(&audit.repositories, audit.registries.count);
    registries_clear(&audit.registries);
    config_free(audit.config);
    return status;
}
