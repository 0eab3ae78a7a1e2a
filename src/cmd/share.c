/* SPDX-License-Identifier: Apache-2.0 */
/* signpost share: which part of its requests a target takes, on a running system. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "route/last_resort.h"
#include "state/control.h"
#include "state/state.h"

static const char usage[] =
    "Usage: signpost share [--config FILE] [--json] TARGET SHARE\n"
    "       signpost share [--config FILE] [--json] TARGET default\n"
    "\n"
    "Has an upstream or bucket take this share of the requests that are meant for it;\n"
    "the rest goes where it would go without it. SHARE is a percentage (25%, 0.5%) or\n"
    "a part of one (0.25; 0 and 1 are none and all). It holds within a second, in all\n"
    "running responders and CGIs, and across restarts, until another one is set;\n"
    "`default` goes back to what the configuration says.\n"
    "\n"
    "Which clients are in is drawn by their address: each stays in when the share\n"
    "grows, and out when it shrinks. `signpost state` shows shares, set and seen;\n"
    "`signpost explain --ip ADDRESS` shows whether a client is in. Where no other target\n"
    "may take a request, it goes there whatever the share, and that is said.\n"
    "\n"
    "  --config FILE   the configuration that names the targets and the state directory\n"
    "  --json          tells the share as JSON\n";

/* Reads a share; false if it is none. */
static bool read_share(const char *text, float *share)
{
    char *end;
    double value = strtod(text, &end);

    *share = CONTROL_NO_SHARE;
    if (strcmp(text, "default") == 0)
        return true;
    if (end == text || !isfinite(value))
        return false;
    if (strcmp(end, "%") == 0)
        value /= 100;
    else if (*end)
        return false;
    *share = (float)value;
    return value >= 0 && value <= 1;
}

/* Whether the target gets requests although it is to take none; with the reason. */
static bool is_last_resort(const struct config *config, const struct target *target,
                           struct why *why)
{
    struct part parts[TARGETS_MAX];

    control_read_parts(config, parts);
    return last_resort(config, parts, target, why);
}

static void print_share(const struct config *config, const struct target *target, float share,
                        bool json)
{
    double set = share >= 0 ? (double)share : (double)target->share;
    struct why why;
    bool still = is_last_resort(config, target, &why);

    if (json)
        printf("{\"target\": \"%s\", \"share\": %.6g, \"configured\": %.6g, \"still_used\": %s}\n",
               target->name, set, (double)target->share, still ? "true" : "false");
    else
        printf("%s takes %.6g %% of its requests within a second%s%s%s.\n", target->name, 100 * set,
               share >= 0 ? "" : ", as the configuration says",
               still ? ", but still gets those that no other target may take: " : "",
               still ? why.text : "");
}

static int set(const char *command, const struct config *config, const struct command_line *line,
               float share)
{
    const char *name = line->arguments[0];
    const struct target *target = command_target(command, config, name);
    struct why why;

    if (!target)
        return EXIT_MISUSE;
    if (!control_set_share(config->state, name, share, &why)) {
        fprintf(stderr, "signpost %s: %s\n", command, why.text);
        return EXIT_FINDING;
    }
    print_share(config, target, share, line->json);
    if (share > 0 && share < 1)
        command_warn_of_only_canonical(command, config, target);
    command_warn_of_refusals(command, config->state);
    return EXIT_FINE;
}

int cmd_share(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .takes_json = true, .least = 2, .most = 2};
    float share;

    if (!command_read(&line, argc, argv))
        return line.status;
    if (!read_share(line.arguments[1], &share))
        return command_misuse(
            argv[0],
            "\"%.60s\" is no share: write a percentage from 0%% to 100%%, a number "
            "from 0 to 1, or `default`.",
            line.arguments[1]);
    struct config *config = command_load(line.file, false);
    int status = config ? set(argv[0], config, &line, share) : EXIT_FINDING;
    config_free(config);
    return status;
}
