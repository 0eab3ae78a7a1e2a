/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_REGISTRY
#include "index_pull.h"
#endif

enum {
    LIMIT_MS = 900000,
    JITTER_PART = 10 /* an interval is shortened by up to a tenth */
};

void fetcher_begin(struct fetcher *fetcher, uint64_t seed)
{
    *fetcher = (struct fetcher){.jitter.state = seed, .pipe = -1};
}

void fetcher_hurry(struct fetcher *fetcher)
{
    fetcher->due_ms = 0;
}

/* ---- the child ---- */

#ifdef HAVE_REGISTRY
static void say_to_parent(void *context, const char *sentence)
{
    const int *pipe = context;
    struct why line; /* shorter than what a pipe takes at once */

    why_not(&line, "%s", sentence);
    size_t len = strlen(line.text);
    line.text[len] = '\n';
    (void)!write(*pipe, line.text, len + 1);
}

static void close_from_to(int from, int to)
{
    if (from <= to)
        syscall(SYS_close_range, (unsigned)from, (unsigned)to, 0u);
}

/* Keeps two descriptors, and none of the parent's sockets. */
static void close_others(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;

    close_from_to(STDERR_FILENO + 1, low - 1);
    close_from_to(low + 1, high - 1);
    syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
}

/*
 * fork without exec: the configuration is the parent's, whatever its file says by now. The
 * parent's libcurl may have a thread that resolves a name; a lock that this holds in the moment
 * of the fork makes the child hang, at worst, until its time is up.
 */
static _Noreturn void be_child(const struct config *config, const struct state *state, int pipe,
                               pid_t parent, struct instant now)
{
    struct index_pull pull = {.config = config,
                              .state = state,
                              .now_s = now.wall_s,
                              .say = say_to_parent,
                              .context = &pipe};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    close_others(pipe, state->fd);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(index_pull(&pull, NULL) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool start(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, struct why *why)
{
    int ends[2];
    pid_t parent = getpid();

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return why_not(why, "The index's sources cannot be asked: no pipe can be made: %s.",
                       strerror(errno));
    pid_t child = fork();
    if (child == 0)
        be_child(config, state, ends[1], parent, now);
    close(ends[1]);
    if (child > 0) {
        fetcher->child = child;
        fetcher->pipe = ends[0];
        fetcher->len = 0;
        return true;
    }
    close(ends[0]);
    return why_not(why, "The index's sources cannot be asked: no process can be started: %s.",
                   strerror(errno));
}
#else
static bool start(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, struct why *why)
{
    (void)fetcher, (void)config, (void)state, (void)now;
    return why_not(why, "This signpost was built without libcurl, jansson or libcrypto, and cannot "
                        "fetch `index_sources`.");
}
#endif

/* ---- the parent ---- */

bool fetcher_look(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, struct why *reason)
{
    int64_t interval_ms = config->index_interval_ms;

    reason->text[0] = '\0';
    if (fetcher->child && now.steady_ms - fetcher->started_ms >= LIMIT_MS) {
        kill(fetcher->child, SIGKILL); /* which closes its end of the pipe */
        fetcher->started_ms = now.steady_ms;
        why_not(reason, "The index's sources have been asked for %d s, which is given up.",
                LIMIT_MS / 1000);
    }
    if (fetcher->child || config->index_source_count == 0 || state->fd < 0 ||
        now.steady_ms < fetcher->due_ms)
        return false;
    fetcher->started_ms = now.steady_ms;
    fetcher->due_ms =
        now.steady_ms + interval_ms -
        (int64_t)jitter_below(&fetcher->jitter, (uint64_t)interval_ms / JITTER_PART + 1);
    struct why why;
    bool started = start(fetcher, config, state, now, &why);
    if (!started && !fetcher->told_start)
        *reason = why;
    fetcher->told_start = !started;
    return started;
}

static void reap(struct fetcher *fetcher)
{
    close(fetcher->pipe);
    fetcher->pipe = -1;
    while (waitpid(fetcher->child, NULL, 0) < 0 && errno == EINTR)
        ;
    fetcher->child = 0;
}

static void hand_on(struct fetcher *fetcher, void (*say)(void *context, const char *sentence),
                    void *context)
{
    char *end;

    while ((end = memchr(fetcher->text, '\n', fetcher->len))) {
        size_t taken = (size_t)(end - fetcher->text) + 1;
        *end = '\0';
        say(context, fetcher->text);
        fetcher->len -= taken;
        memmove(fetcher->text, end + 1, fetcher->len);
    }
    if (fetcher->len == sizeof fetcher->text)
        fetcher->len = 0; /* no sentence is so long */
}

void fetcher_hear(struct fetcher *fetcher, void (*say)(void *context, const char *sentence),
                  void *context)
{
    while (fetcher->pipe >= 0) {
        ssize_t n =
            read(fetcher->pipe, fetcher->text + fetcher->len, sizeof fetcher->text - fetcher->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            reap(fetcher);
            return;
        }
        fetcher->len += (size_t)n;
        hand_on(fetcher, say, context);
    }
}

void fetcher_end(struct fetcher *fetcher)
{
    if (!fetcher->child)
        return;
    kill(fetcher->child, SIGKILL);
    reap(fetcher);
}
