/* SPDX-License-Identifier: Apache-2.0 */
/* signpost reload: reaches whoever uses the state directory, whatever has started it. */
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "core/instant.h"
#include "state/control.h"
#include "state/presence.h"

enum { PATIENCE_MS = 2000, LOOK_MS = 50 };

static const char usage[] =
    "Usage: signpost reload [--config FILE]\n"
    "\n"
    "Has all running responders and the prober read their configuration again, by\n"
    "leaving word in the state directory, and says how many have done so: they look\n"
    "once a second. SIGHUP does the same to one process. A configuration with a mistake\n"
    "is refused here first.\n"
    "\n"
    "  --config FILE   the configuration that names the state directory\n"
    "\n"
    "The exit status is 1 if one of them refuses the configuration or does not answer,\n"
    "and if none is there.\n";

/* Those who use the state directory. */
struct round {
    const char *mark;
    unsigned responders, probers; /* that have taken the configuration */
    unsigned refused, silent;     /* of both */
    char file[PATH_MAX];          /* that they have taken */
    bool is_mixed;                /* not all of them the same */
    bool aloud;                   /* says who has not taken it, and why */
};

static void count(void *context, const struct presence_note *note)
{
    struct round *round = context;

    if (strcmp(note->mark, round->mark) < 0) {
        round->silent++;
        if (round->aloud)
            fprintf(stderr, "signpost reload: The %s %" PRId64 " has not answered in %d seconds.\n",
                    presence_word(note->kind), note->pid, PATIENCE_MS / 1000);
    } else if (note->standing != PRESENCE_SERVES) {
        round->refused++;
        if (round->aloud) {
            fputs("signpost reload: The ", stderr);
            presence_print_refusal(note, stderr);
        }
    } else {
        *(note->kind == PRESENCE_PROBER ? &round->probers : &round->responders) += 1;
        round->is_mixed |= round->file[0] && strcmp(round->file, note->file) != 0;
        snprintf(round->file, sizeof round->file, "%s", note->file);
    }
}

static struct round look(int directory, const char *mark, bool aloud)
{
    struct round round = {.mark = mark, .aloud = aloud};

    presence_list(directory, count, &round);
    return round;
}

static bool is_done(const struct round *round)
{
    return round->silent == 0 && round->responders + round->probers + round->refused > 0;
}

/* Until all have answered that are there, but not for long. */
static struct round wait_for_answers(int directory, const char *mark)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    int64_t end = instant_now().steady_ms + PATIENCE_MS;
    struct round round = look(directory, mark, false);

    while (!is_done(&round) && instant_now().steady_ms < end) {
        nanosleep(&pause, NULL);
        round = look(directory, mark, false);
    }
    return look(directory, mark, true);
}

static void say_nobody(const char *state)
{
    fprintf(stderr,
            "signpost reload: No responder and no prober uses %s (those of versions before 0.2.0 "
            "do not say so, but read their configuration all the same). To start them: %s\n",
            state,
            access("/run/systemd/system", F_OK) == 0
                ? "systemctl enable --now signpost.socket signpost-prober.service"
                : "start the web server, or spawn-fcgi -s SOCKET -- " SIGNPOST_SBINDIR
                  "/signpost.fcgi");
}

/* What was checked here may be another file than the one they read. */
static void say_other(const struct round *round, const struct config *config)
{
    char *own = config->file ? realpath(config->file, NULL) : NULL;

    if (!round->is_mixed && strcmp(own ? own : "", round->file) != 0)
        fprintf(stderr, "signpost reload: They do not read %s, which was checked here.\n",
                config->file ? config->file : "the environment");
    free(own);
}

static void say_taken(const struct round *round, const struct config *config)
{
    const char *file = round->is_mixed  ? "their configurations"
                       : round->file[0] ? round->file
                                        : "the environment";
    unsigned n = round->responders;

    if (n > 0 && round->probers > 0)
        printf("%u responder%s and the prober have read %s.\n", n, n == 1 ? "" : "s", file);
    else if (n > 0)
        printf("%u responder%s %s read %s%s.\n", n, n == 1 ? "" : "s", n == 1 ? "has" : "have",
               file, config->probing.start == PROBER_OFF ? "" : "; no prober is there");
    else if (round->probers > 0)
        printf("The prober has read %s; no responder is there.\n", file);
    if (n + round->probers > 0)
        say_other(round, config);
}

static int reload(const struct config *config)
{
    char mark[CONTROL_MARK_SIZE];
    struct why why;

    if (!control_ask_reload(config->state, mark, &why)) {
        fprintf(stderr, "signpost reload: %s\n", why.text);
        return EXIT_FINDING;
    }
    int directory = state_open(config->state, &why);
    if (directory < 0) {
        fprintf(stderr, "signpost reload: %s\n", why.text);
        return EXIT_FINDING;
    }
    struct round round = wait_for_answers(directory, mark);
    close(directory);
    if (round.responders + round.probers + round.refused + round.silent == 0) {
        say_nobody(config->state);
        return EXIT_FINDING;
    }
    say_taken(&round, config);
    return round.refused + round.silent == 0 ? EXIT_FINE : EXIT_FINDING;
}

int cmd_reload(int argc, char **argv)
{
    struct command_line line = {.usage = usage};

    if (!command_read(&line, argc, argv))
        return line.status;
    struct config *config = command_load(line.file, true);
    if (!config) {
        command_warn_of_refusals(argv[0], NULL);
        return EXIT_FINDING;
    }
    int status = reload(config);
    config_free(config);
    return status;
}
