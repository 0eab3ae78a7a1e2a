/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "config/configuration.h"
#include "core/suggest.h"
#include "state/presence.h"
#include "state/state.h"

struct config *command_load(const char *file, bool with_warnings)
{
    struct problems problems = {0};
    struct config *config = config_load_found(file, &problems);

    if (!config || with_warnings)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    return config;
}

void command_say(void *context, const char *sentence)
{
    fprintf(stderr, "signpost %s: %s\n", (const char *)context, sentence);
}

const struct target *command_target(const char *command, const struct config *config,
                                    const char *name)
{
    const struct target *target = config_target(config, slice_of(name));
    struct suggestion near = suggest_start(slice_of(name));

    if (target)
        return target;
    for (size_t i = 0; i < config->target_count; i++)
        suggest_try(&near, config->targets[i].name);
    fprintf(stderr, "signpost %s: there is no target \"%.60s\"%s\n", command, name,
            suggest_ending(near.best).text);
    return NULL;
}

void command_warn_of_only_canonical(const char *command, const struct config *config,
                                    const struct target *target)
{
    if (config->canonical_count == 1 && config->canonical[0] == target)
        fprintf(stderr,
                "signpost %s: \"%s\" is the only canonical upstream: what is nowhere else, such as "
                "signatures, is sent there all the same.\n",
                command, target->name);
}

static void warn_of_refusal(void *context, const struct presence_note *note)
{
    if (note->standing == PRESENCE_SERVES)
        return;
    fprintf(stderr, "signpost %s: The ", (const char *)context);
    presence_print_refusal(note, stderr);
}

void command_warn_of_refusals(const char *command, const char *directory)
{
    char usual[PATH_MAX], name[16];
    struct slice fallback = config_default_state();

    snprintf(usual, sizeof usual, "%.*s", (int)fallback.len, fallback.at);
    snprintf(name, sizeof name, "%s", command);
    int state = state_open(directory ? directory : usual, NULL);
    if (state < 0)
        return;
    presence_list(state, warn_of_refusal, name);
    close(state);
}

int command_starved(const char *command)
{
    fprintf(stderr, "signpost %s: There is not enough memory.\n", command);
    return EXIT_FINDING;
}

int command_misuse(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "signpost %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n`signpost %s --help` says how to call it.\n", command);
    return EXIT_MISUSE;
}

static int check_arguments(const struct command_line *line, const char *command, int count)
{
    if (count < line->least)
        return command_misuse(command, "an argument is missing.");
    if (count > line->most)
        return command_misuse(command, "\"%.60s\" is one argument too many.",
                              line->arguments[line->most]);
    return EXIT_FINE;
}

bool command_read(struct command_line *line, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {0}};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(line->usage, stdout);
            line->status = EXIT_FINE;
            return false;
        }
        if (c == '?' || (c == 'j' && !line->takes_json)) {
            line->status = command_misuse(argv[0], "that is no option.");
            return false;
        }
        if (c == 'c')
            line->file = optarg;
        else
            line->json = true;
    }
    line->arguments = argv + optind;
    line->status = check_arguments(line, argv[0], argc - optind);
    return line->status == EXIT_FINE;
}
