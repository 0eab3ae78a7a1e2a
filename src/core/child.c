/* SPDX-License-Identifier: Apache-2.0 */
#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/instant.h"

static void leave(void)
{
    _exit(EXIT_FAILURE);
}

static void leave_on_signal(int number)
{
    (void)number;
    leave();
}

/* However the work ends, no core is written, and the parent's streams are not flushed. */
static _Noreturn void be_child(child_work *work, void *context, int end)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], leave_on_signal);
    bool done = atexit(leave) == 0 && work(context) && write(end, "", 1) == 1;
    _exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Waits until the child says that its work is done; false with the reason if it does not. */
static bool is_done(int end, int limit_ms, struct why *why)
{
    int64_t deadline_ms = instant_now().steady_ms + limit_ms;
    struct pollfd said = {end, POLLIN, 0};
    int count;
    char byte;

    do {
        int64_t left_ms = deadline_ms - instant_now().steady_ms;
        count = poll(&said, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (count < 0 && errno == EINTR);
    if (count == 0)
        return why_not(why, "a child process took longer than %d ms for it", limit_ms);
    return (count > 0 && read(end, &byte, 1) == 1) ||
           why_not(why, "a child process for it failed, most likely for want of memory");
}

bool child_run(child_work *work, void *context, int limit_ms, struct why *why)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return why_not(why, "no pipe to a child process can be made: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        be_child(work, context, ends[1]);
    if (child < 0)
        why_not(why, "no child process can be started: %s", strerror(errno));
    close(ends[1]);
    bool done = child > 0 && is_done(ends[0], limit_ms, why);
    close(ends[0]);
    if (child > 0 && !done)
        kill(child, SIGKILL);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return done;
}
