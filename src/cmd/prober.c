/* SPDX-License-Identifier: Apache-2.0 */
/* signpost prober: looks who holds what, and who is up. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "log/notes.h"
#include "prober/serve.h"
#include "state/refusal.h"

enum { LINGER_S = 5, LINGER_MAX_S = 86400 };

static const char usage[] =
    "Usage: signpost prober [--config FILE] [--stay] [--linger SECONDS]\n"
    "\n"
    "Asks registries and buckets, for all responders of this machine, whether they\n"
    "hold what clients want and whether they are up, and keeps what it finds in the\n"
    "state directory. Responders start one when they need it; where they must not, run it\n"
    "as a service. It stays in the foreground. Only one can serve a state directory.\n"
    "\n"
    "  --config FILE      the configuration\n"
    "  --stay             goes on when there is no responder, and waits while the\n"
    "                     configuration is refused, as a service should\n"
    "  --linger SECONDS   else how long it goes on; default: 5\n"
    "\n"
    "Signals: SIGHUP reads the configuration again, SIGTERM ends it.\n";

/* Standard error must not hold the prober up: `command_load` would wait for room there. */
static struct config *load_with(struct notes *notes, const char *file, bool with_warnings,
                                struct why *why)
{
    struct problems problems = {0};
    struct config *config = config_reload(file, &problems);

    problems_first(&problems, why);
    if (!config || with_warnings)
        notes_problems(notes, &problems);
    problems_clear(&problems);
    return config;
}

static struct config *load(void *context, const char *file, struct why *why)
{
    return load_with(context, file, false, why);
}

static void flush(void *context)
{
    notes_flush(context);
}

/*
 * Waits, as a service does, for a configuration that is right. NULL: it was told to end. The
 * signals stay blocked, as serve() wants them.
 */
static struct config *wait_for_config(struct notes *notes, const char *file)
{
    struct refusal refusal;
    const struct timespec pause = {.tv_sec = 1};
    int number = 0;
    sigset_t set = serve_block_signals();

    refusal_begin(&refusal, PRESENCE_PROBER, file, notes_problems, notes);
    struct config *config = refusal_read(&refusal, true);
    if (!config)
        notes_say(notes, "The configuration is refused: nothing is done until it is right.");
    while (!config && number != SIGTERM && number != SIGINT) {
        number = sigtimedwait(&set, NULL, &pause);
        notes_flush(notes);
        config = number == SIGHUP ? refusal_read(&refusal, true) : refusal_look(&refusal);
    }
    refusal_end(&refusal);
    return config;
}

static bool read_seconds(const char *text, unsigned *ms)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);

    if (end == text || *end || text[0] == '-' || seconds > LINGER_MAX_S)
        return false;
    *ms = (unsigned)seconds * 1000;
    return true;
}

int cmd_prober(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"stay", no_argument, NULL, 's'},
                                          {"linger", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct notes notes;
    struct why why;
    struct serve_options options = {.linger_ms = LINGER_S * 1000,
                                    .context = &notes,
                                    .say = notes_say,
                                    .load = load,
                                    .tick = flush};

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'c':
            options.file = optarg;
            break;
        case 's':
            options.stay = true;
            break;
        case 'l':
            if (!read_seconds(optarg, &options.linger_ms))
                return command_misuse("prober", "--linger takes a number of seconds.");
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            return command_misuse("prober", "that is no option.");
        }
    }
    if (optind < argc)
        return command_misuse("prober", "\"%.60s\" is one argument too many.", argv[optind]);

    signal(SIGPIPE, SIG_IGN);
    notes_init(&notes, "signpost prober");
    struct config *config = options.stay ? wait_for_config(&notes, options.file)
                                         : load_with(&notes, options.file, true, &why);
    int status = config ? serve(config, &options) : options.stay ? EXIT_FINE : EXIT_FINDING;
    notes_end(&notes);
    return status;
}
