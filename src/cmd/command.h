/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `signpost` and what they share. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stdbool.h>

struct config;
struct target;

enum {
    EXIT_FINE = 0,
    EXIT_FINDING = 1,
    EXIT_MISUSE = 2,
    EXIT_INTERRUPTED = 130 /* as a shell tells of Ctrl-C */
};

/* A subcommand: argv[0] is its name. Returns the exit status. */
int cmd_audit(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_drain(int argc, char **argv); /* undrain, too */
int cmd_explain(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_hosts(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_index(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_options(int argc, char **argv);
int cmd_places(int argc, char **argv);
int cmd_prober(int argc, char **argv);
int cmd_ranges(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_share(int argc, char **argv);
int cmd_state(int argc, char **argv);
int cmd_target(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_where(int argc, char **argv);

/*
 * Loads the configuration in file, or, if it is NULL, the one that the responder
 * would find. Prints errors (and warnings, if asked for) on stderr. NULL if there
 * is none or it has a mistake. The caller frees it.
 */
struct config *command_load(const char *file, bool with_warnings);

/*
 * The upstream or bucket of this name. NULL if there is none, which is said on stderr
 * with the nearest name.
 */
const struct target *command_target(const char *command, const struct config *config,
                                    const char *name);

/* Says on stderr if signatures are at this target alone: then they go there whatever is set. */
void command_warn_of_only_canonical(const char *command, const struct config *config,
                                    const struct target *target);

/*
 * Says on stderr which of the processes that use a state directory (NULL: the one where a
 * configuration names none) refuse their configuration.
 */
void command_warn_of_refusals(const char *command, const char *directory);

/* What most subcommands take. */
struct command_line {
    const char *usage; /* given: printed for --help */
    bool takes_json;   /* given: whether --json is an option */
    int least, most;   /* given: how many arguments there may be */
    const char *file;  /* --config */
    bool json;         /* --json */
    char **arguments;  /* what follows the options, ended by NULL */
    int status;        /* the exit status, where there is nothing more to do */
};

/* Reads options and arguments. False: --help or a misuse has been dealt with; see status. */
bool command_read(struct command_line *line, int argc, char **argv);

/* Prints a sentence on stderr, as knowledge_open wants it; context is the command's name. */
void command_say(void *context, const char *sentence);

/* Says on stderr that there is not enough memory; EXIT_FINDING. */
int command_starved(const char *command);

/* Says on stderr that an option or argument is wrong and how to get help; EXIT_MISUSE. */
__attribute__((format(printf, 2, 3))) int command_misuse(const char *command, const char *format,
                                                         ...);

#endif
