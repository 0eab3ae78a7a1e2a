/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "starter.h"
#include "config/environment.h"
#include "core/descriptors.h"
#include "state/state.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VARIABLES_MAX = 16 };

bool starter_reports(const struct config *config)
{
    return config->metrics != METRICS_OFF && config->probing.start != PROBER_OFF;
}

/* Health is looked after whatever the rules are. */
bool starter_needs_prober(const struct config *config)
{
    return config->probing.start != PROBER_OFF;
}

static bool names_this_process(const char *variable)
{
    const char *pid = getenv(variable);
    return pid && strtol(pid, NULL, 10) == (long)getpid();
}

bool starter_under_systemd(void)
{
    return names_this_process("SYSTEMD_EXEC_PID") || names_this_process("LISTEN_PID");
}

bool starter_is_responsible(const struct config *config, bool under_systemd)
{
    if (config->probing.start == PROBER_AUTO)
        return !under_systemd;
    return config->probing.start == PROBER_START;
}

/* ---- which program ---- */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool find_beside(char path[PATH_MAX], const char *from_here)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return false;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = '\0';
    len = snprintf(path, PATH_MAX, "%s/%s", self, from_here);
    return len > 0 && len < PATH_MAX && is_program(path);
}

static bool find_program(char path[PATH_MAX], const struct config *config, struct why *why)
{
    const char *given = config->probing.program;
    if (given) {
        int len = snprintf(path, PATH_MAX, "%s", given);
        if (len < PATH_MAX && is_program(path))
            return true;
        return why_not(
            why, "The prober cannot be started: %s, which `prober_program` names, is no program.",
            given);
    }
    if (find_beside(path, "signpost") || find_beside(path, "../bin/signpost"))
        return true;
    snprintf(path, PATH_MAX, "%s/signpost", SIGNPOST_BINDIR);
    if (is_program(path))
        return true;
    return why_not(
        why,
        "The prober cannot be started: the `signpost` command is neither beside this "
        "program nor in ../bin from there nor in %s; tell with `prober_program` where it "
        "is, or set prober = \"off\".",
        SIGNPOST_BINDIR);
}

bool starter_has_place(const struct config *config)
{
    return !config->state_is_default || access(config->state, F_OK) == 0;
}

/* ---- what it is given ---- */

static bool can_write_state(const struct config *config, struct why *why)
{
    int directory = state_open(config->state, why);
    if (directory < 0)
        return false;
    bool can = faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0;
    if (!can)
        why_not(why,
                "The prober cannot be started: the state directory %s cannot be written to: %s.",
                config->state, strerror(errno));
    close(directory);
    return can;
}

/* "NAME=value" of those variables that a configuration may depend on. */
static bool copy_variables(char *list[VARIABLES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; environment_names[i] && count + 1 < VARIABLES_MAX; i++) {
        const char *value = getenv(environment_names[i]);
        if (value && asprintf(&list[count], "%s=%s", environment_names[i], value) < 0) {
            list[count] = NULL;
            return false;
        }
        count += value != NULL;
    }
    return true;
}

/* ---- the new process ---- */

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void become(char *const *arguments, char *const *variables)
{
    int null = open("/dev/null", O_RDWR);
    reset_signals();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    descriptors_close(STDERR_FILENO + 1, ~0u);
    umask(022);
    if (chdir("/") == 0)
        execve(arguments[0], arguments, variables);
    _exit(EXIT_FAILURE);
}

/* Forks twice, so that the new process is nobody's child here. */
static bool start_detached(char *const *arguments, char *const *variables, struct why *why)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        pid_t own = fork();
        if (own == 0)
            become(arguments, variables);
        _exit(own > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int error = errno;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && status == 0)
        return true;
    return why_not(why, "The prober cannot be started: no process can be made: %s.",
                   strerror(child > 0 ? EAGAIN : error));
}

bool starter_start(const struct config *config, struct why *why)
{
    char program[PATH_MAX], file[PATH_MAX], *variables[VARIABLES_MAX] = {NULL};
    char command[] = "prober", option[] = "--config";
    char *arguments[] = {program, command, option, file, NULL};
    if (!find_program(program, config, why) || !can_write_state(config, why))
        return false;
    if (!config->file)
        arguments[2] = NULL;
    else if (!realpath(config->file, file))
        return why_not(why, "The prober cannot be started: %s cannot be read: %s.", config->file,
                       strerror(errno));
    bool started = copy_variables(variables)
                       ? start_detached(arguments, variables, why)
                       : why_not(why, "The prober cannot be started: no memory is left.");
    for (size_t i = 0; i < VARIABLES_MAX; i++)
        free(variables[i]);
    return started;
}
