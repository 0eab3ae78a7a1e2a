/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/progress.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 78 };

void progress_start(struct progress *progress)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO)};
}

void progress_show(struct progress *progress, const char *format, ...)
{
    char line[LINE_MAX_BYTES + 1];
    va_list args;

    if (!progress->terminal)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "\r\033[K%s", line);
    progress->shown = true;
}

void progress_wipe(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}

bool progress_is_torn(FILE *file, const char *first_line)
{
    int byte;

    rewind(file);
    do
        byte = getc(file);
    while (byte != EOF && byte == (unsigned char)*first_line && *first_line++);
    return byte == EOF && !ferror(file);
}

/* ---- Ctrl-C ---- */

/*
 * The signals are blocked, and looked for where they are pending: no handler, and no
 * variable that one would have to write.
 */
static sigset_t endings(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void interrupt_hold(void)
{
    sigset_t set = endings();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool interrupt_came(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
           sigismember(&pending, SIGHUP);
}

void interrupt_wait(double seconds)
{
    struct timespec most = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    sigset_t set = endings();
    int caught = sigtimedwait(&set, NULL, &most);

    if (caught > 0)
        kill(getpid(), caught); /* it was taken away: it is to stay pending */
}
