/* SPDX-License-Identifier: Apache-2.0 */
/* signpost replay: what a new configuration would change for the requests in a log. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/replay/compare.h"
#include "cmd/replay/log_line.h"
#include "cmd/replay/report.h"
#include "cmd/replay/tally.h"
#include "config/configuration.h"

static const char usage[] =
    "Usage: signpost replay [OPTION…] --against NEW.conf [LOG…]\n"
    "\n"
    "Decides the requests in access logs under the present configuration and under a\n"
    "new one, with no network, and tells what changes: how many requests, of which\n"
    "class, from where, from which target to which. LOG is a file in the combined\n"
    "format of nginx, Apache or lighttpd, or signpost's own log; without one, or for\n"
    "\"-\", standard input is read (zcat access.log.*.gz | signpost replay …).\n"
    "\n"
    "  --against FILE     the new configuration\n"
    "  --config FILE      the present one; else the one the responder would find\n"
    "  --quoted N=HEADER  the Nth quoted string of a line is this header's value (the\n"
    "                     request is the first one), as in 4=X-Forwarded-For, or\n"
    "                     SIGNPOST_REGION; may be given again\n"
    "  --top N            shows the N largest changes (20); 0 shows all\n"
    "  --fail-over P%     the exit status is 1 if more than P percent of the requests\n"
    "                     change, or of the lines cannot be read\n"
    "  --skip N           passes over the first N lines, all logs together\n"
    "  --json             prints JSON, with all changes\n"
    "\n"
    "Images are taken to be wherever they are asked for; signatures are known by the\n"
    "index. Whoever is down or drained now does not count. After Ctrl-C the exit status\n"
    "is 130.\n";

struct call {
    const char *present_file, *next_file;
    struct comparison comparison;
    uint64_t top, skip;
    double fail_over; /* percent; negative: never */
    bool json;
    char *const *logs;
    char variables[COMPARE_QUOTED_NAMES][128];
};

/* "4=X-Client-Region". */
static bool take_quoted(struct call *call, const char *word)
{
    struct comparison *comparison = &call->comparison;
    size_t count = comparison->header_count;
    char *end;
    unsigned long number = strtoul(word, &end, 10);

    if (number < 1 || number > LOG_QUOTED_MAX || *end != '=' || !end[1] ||
        count == COMPARE_QUOTED_NAMES)
        return false;
    char *variable = call->variables[count];
    if (strcmp(end + 1, "SIGNPOST_REGION") == 0)
        strcpy(variable, "SIGNPOST_REGION");
    else if (!request_variable_of_header(variable, sizeof call->variables[0], slice_of(end + 1)))
        return false;
    comparison->header[comparison->header_count++] = (struct quoted_header){number, variable};
    return true;
}

static bool take_percent(struct call *call, const char *word)
{
    char *end;

    call->fail_over = strtod(word, &end);
    return end != word && (!*end || strcmp(end, "%") == 0) && call->fail_over >= 0 &&
           call->fail_over <= 100;
}

static bool take_count(uint64_t *count, const char *word)
{
    char *end;

    *count = strtoull(word, &end, 10);
    return end != word && !*end && *word != '-';
}

enum { LINES_A_LOOK = 16384 }; /* between two looks at the terminal and the signals */

static void count_line(const struct comparison *comparison, struct report *report,
                       struct tally *tally, char *text, size_t len, bool *memory)
{
    struct log_line line;

    report->lines++;
    switch (log_line_read(&line, text, len)) {
    case LOG_REQUEST: {
        struct tally_key key = compare(comparison, &line);
        *memory = tally_add(tally, &key, line.bytes, line.target);
        return;
    }
    case LOG_NO_REQUEST:
        report->no_request++;
        return;
    case LOG_UNREADABLE:
        report->unreadable++;
        return;
    }
}

/* What is read, and how it goes. */
struct reading {
    struct report report;
    struct tally *tally;
    struct progress progress;
    bool interrupted;
};

/* Whether to go on. */
static bool look_up(struct reading *reading, const char *name)
{
    progress_show(&reading->progress, "%s: %" PRIu64 " lines", name, reading->report.lines);
    reading->interrupted = interrupt_came();
    return !reading->interrupted;
}

/* Reads one log to its end. */
static bool replay_stream(const struct call *call, FILE *log, const char *name,
                          struct reading *reading)
{
    struct report *report = &reading->report;
    char *text = NULL;
    size_t size = 0;
    bool memory = true;

    for (ssize_t len; memory && (len = getline(&text, &size, log)) > 0;) {
        if (text[len - 1] == '\n')
            len--;
        if (report->lines < call->skip) {
            report->lines++;
            continue;
        }
        count_line(&call->comparison, report, reading->tally, text, (size_t)len, &memory);
        if (report->lines % LINES_A_LOOK == 0 && !look_up(reading, name))
            break;
    }
    free(text);
    if (!memory)
        fputs("signpost replay: there is not enough memory.\n", stderr);
    return memory && (reading->interrupted || feof(log));
}

static bool replay_file(const struct call *call, const char *name, struct reading *reading)
{
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *log = is_stdin ? stdin : fopen(name, "re");
    bool good = log && replay_stream(call, log, name, reading);

    progress_wipe(&reading->progress);
    if (!good)
        fprintf(stderr, "signpost replay: the log %s cannot be read: %s.\n", name, strerror(errno));
    if (log && !is_stdin)
        fclose(log);
    return good;
}

static bool replay_all(const struct call *call, struct reading *reading)
{
    if (!*call->logs)
        return replay_file(call, "-", reading);
    for (char *const *log = call->logs; *log && !reading->interrupted; log++)
        if (!replay_file(call, *log, reading))
            return false;
    return true;
}

static int conclude(const struct call *call, struct report *report, bool interrupted)
{
    report_sum(report);
    if (call->json) {
        if (!report_print_json(report, stdout))
            return EXIT_FINDING;
    } else {
        report_print(report, call->top, stdout);
    }
    if (report->requests == 0 && !interrupted) {
        fputs("signpost replay: the log holds no request that can be read: it must be in the "
              "combined or the common format, or signpost's own.\n",
              stderr);
        return EXIT_FINDING;
    }
    if (call->fail_over < 0)
        return EXIT_FINE;
    double unreadable = 100.0 * (double)report->unreadable / (double)(report->lines - call->skip);
    if (unreadable > call->fail_over) {
        fprintf(
            stderr,
            "signpost replay: %.4g %% of the lines cannot be read, more than the %.4g %% that may "
            "change: what is in them is not known.\n",
            unreadable, call->fail_over);
        return EXIT_FINDING;
    }
    if (report_percent(report) <= call->fail_over)
        return EXIT_FINE;
    fprintf(stderr, "signpost replay: %.4g %% of the requests change, more than %.4g %%.\n",
            report_percent(report), call->fail_over);
    return EXIT_FINDING;
}

static int replay(const struct call *call)
{
    struct reading reading = {
        .report = {.comparison = &call->comparison, .next_file = call->next_file},
        .tally = tally_new()};
    int status = EXIT_FINDING;

    progress_start(&reading.progress);
    if (*call->logs || !isatty(STDIN_FILENO)) /* else Ctrl-C would wait for a line to come */
        interrupt_hold();
    if (reading.tally && replay_all(call, &reading)) {
        reading.report.row = tally_sort(reading.tally, &reading.report.row_count);
        status = conclude(call, &reading.report, reading.interrupted);
    }
    if (reading.interrupted) {
        fprintf(stderr,
                "signpost replay: stopped after %" PRIu64 " lines, of which this is the report; "
                "--skip %" PRIu64 " goes on there.\n",
                reading.report.lines, reading.report.lines);
        status = EXIT_INTERRUPTED;
    }
    tally_free(reading.tally);
    return status;
}

static int run_with(struct call *call)
{
    static char name[] = "replay";
    struct side *present = &call->comparison.present, *next = &call->comparison.next;
    struct instant now = instant_now();
    int status = EXIT_FINDING;

    if (!knowledge_open_files(&present->knowledge, present->config, now, command_say, name))
        return status;
    if (knowledge_open_files(&next->knowledge, next->config, now, command_say, name)) {
        status = replay(call);
        knowledge_close(&next->knowledge);
    }
    knowledge_close(&present->knowledge);
    return status;
}

static int run(struct call *call)
{
    struct config *now = command_load(call->present_file, false);
    struct config *then = now ? command_load(call->next_file, false) : NULL;
    int status = EXIT_FINDING;

    if (then) {
        call->comparison.present.config = now;
        call->comparison.next.config = then;
        status = run_with(call);
    }
    config_free(now);
    config_free(then);
    return status;
}

/* Takes one option; a sentence if its value is wrong. */
static const char *take_option(struct call *call, int option, const char *value)
{
    switch (option) {
    case 'c':
        call->present_file = value;
        return NULL;
    case 'a':
        call->next_file = value;
        return NULL;
    case 'q':
        return take_quoted(call, value) ? NULL
                                        : "--quoted wants N=HEADER, such as 4=X-Forwarded-For.";
    case 't':
        return take_count(&call->top, value) ? NULL : "--top wants a number.";
    case 's':
        return take_count(&call->skip, value) ? NULL : "--skip wants a number of lines.";
    case 'f':
        return take_percent(call, value) ? NULL : "--fail-over wants a percentage, such as 0.5%.";
    case 'j':
        call->json = true;
        return NULL;
    default:
        return "that is no option.";
    }
}

int cmd_replay(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"against", required_argument, NULL, 'a'},
                                            {"quoted", required_argument, NULL, 'q'},
                                            {"top", required_argument, NULL, 't'},
                                            {"fail-over", required_argument, NULL, 'f'},
                                            {"skip", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct call *call = calloc(1, sizeof *call);
    int status = EXIT_FINE;

    if (!call)
        return command_starved("replay");
    *call = (struct call){.top = 20, .fail_over = -1};
    for (int c; status == EXIT_FINE && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            free(call);
            return EXIT_FINE;
        }
        const char *wrong = take_option(call, c, optarg);
        if (wrong)
            status = command_misuse("replay", "%s", wrong);
    }
    call->logs = argv + optind;
    if (status == EXIT_FINE && !call->next_file)
        status = command_misuse("replay", "--against NEW.conf is missing.");
    if (status == EXIT_FINE)
        status = run(call);
    free(call);
    return status;
}
