/* SPDX-License-Identifier: Apache-2.0 */
/* Work in a child process: what it leaves behind, and what becomes of the parent if it fails. */
#include "core/child.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/arena.h"
#include "tap.h"

enum { PATIENT_MS = 60000, SHORT_MS = 100 };

static bool forks = true;

/* In the place of the C library's, so that there may be none. */
pid_t fork(void)
{
    if (forks)
        return _Fork();
    errno = EAGAIN;
    return -1;
}

static pid_t killed;

/* Likewise: it is noted who is killed, and nobody else than one process can be. */
int kill(pid_t process, int number)
{
    killed = process;
    return process > 0 ? (int)syscall(SYS_kill, process, number) : 0;
}

static bool write_number(void *context)
{
    *(int *)context = 42;
    return true;
}

static bool refuse(void *context)
{
    (void)context;
    return false;
}

static bool end(void *context)
{
    exit(*(const int *)context);
}

static bool send_signal(void *context)
{
    raise(*(const int *)context);
    return true;
}

static bool recurse(void *context)
{
    volatile char page[4096];

    page[0] = *(const char *)context;
    return page[0] == 0 && recurse(context) && page[0] == 0;
}

static bool hang(void *context)
{
    while (!context || *(const int *)context == 0)
        pause();
    return true;
}

static bool has_no_child(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void fails(child_work *work, int what, int limit_ms, const char *pattern, const char *name)
{
    struct why why = {""};

    ok(!child_run(work, &what, limit_ms, &why), "%s", name);
    like(why.text, pattern, "  it is said why");
    ok(has_no_child(), "  and the child is gone");
}

static void check_sharing(void)
{
    struct arena *arena = arena_new();
    int own = 1;
    struct why why;

    ok(arena_share(arena, 4096), "memory can be shared");
    int *shared = arena_take(arena, sizeof *shared);
    ok(child_run(write_number, shared, PATIENT_MS, &why), "a child does its work");
    cmp_ok(*shared, ==, 42, "  which is there for the parent");
    ok(child_run(write_number, &own, PATIENT_MS, &why), "it is not so");
    cmp_ok(own, ==, 1, "  in other memory");
    ok(has_no_child(), "no child is left");
    cmp_ok(killed, ==, 0, "nobody had to be killed");
    arena_free(arena);
}

static void take(void *context)
{
    struct arena *arena = context;

    for (;;)
        arena_take(arena, 1000);
}

static bool take_all(void *context)
{
    return !arena_try_shared(context, take, context);
}

static void check_bounds(void)
{
    struct arena *arena = arena_new();
    struct why why;

    arena_share(arena, 10000);
    ok(child_run(take_all, arena, PATIENT_MS, &why), "a child takes no more than is shared");
    ok(!arena_share(arena, SIZE_MAX / 4), "no more can be shared than there is");
    arena_free(arena);
}

static void check_failures(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGKILL, SIGTERM};
    static const char early[] = "failed, most likely for want of memory";

    fails(refuse, 0, PATIENT_MS, early, "work may fail");
    fails(end, 2, PATIENT_MS, early, "or end its process, as libconfig does");
    fails(end, 0, PATIENT_MS, early, "whatever it says of that");
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        fails(send_signal, deadly[i], PATIENT_MS, early, strsignal(deadly[i]));
    fails(hang, 0, SHORT_MS, "took longer than 100 ms", "work that does not end is given up");
    fails(recurse, 0, PATIENT_MS, early, "the stack may be used up");
    forks = false;
    killed = 0;
    fails(refuse, 0, PATIENT_MS,
          "no child process can be started: Resource temporarily unavailable",
          "there may be no process");
    cmp_ok(killed, ==, 0, "  then nobody is killed");
    forks = true;
}

/* Descriptors above standard error are used up. */
static void check_descriptors(void)
{
    struct rlimit before, none;

    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    fails(refuse, 0, PATIENT_MS, "no pipe to a child process can be made: Too many open files",
          "there may be no descriptor");
    setrlimit(RLIMIT_NOFILE, &before);
}

/* What the parent has not written yet is written once, by the parent. */
static void check_streams(void)
{
    FILE *file = tmpfile();
    int status = 2;
    struct why why;

    fputs("once", file);
    child_run(end, &status, PATIENT_MS, &why);
    fflush(file);
    cmp_ok(ftell(file), ==, 4, "a stream of the parent is not written by the child");
    rewind(file);
    char text[16] = "";
    cmp_ok(fread(text, 1, sizeof text, file), ==, 4, "  but once");
    fclose(file);
}

/* A process keeper may have set SIGCHLD to be ignored: children then go by themselves. */
static void check_ignored(void)
{
    struct arena *arena = arena_new();
    struct why why;

    signal(SIGCHLD, SIG_IGN);
    arena_share(arena, 4096);
    int *shared = arena_take(arena, sizeof *shared);
    ok(child_run(write_number, shared, PATIENT_MS, &why) && *shared == 42,
       "children may go without being waited for");
    fails(hang, 0, SHORT_MS, "took longer", "also one that hangs");
    signal(SIGCHLD, SIG_DFL);
    arena_free(arena);
}

int main(void)
{
    check_sharing();
    check_bounds();
    check_failures();
    check_descriptors();
    check_streams();
    check_ignored();
    return done_testing();
}
