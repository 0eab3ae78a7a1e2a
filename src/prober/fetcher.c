/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/descriptors.h"
#include "prober/index_pull.h"

enum {
    SPARE_MS = 60000, /* beyond what all mirrors may take */
    RETRY_MS = 10000, /* after none could be started */
    JITTER_PART = 10  /* an interval is shortened by up to a tenth */
};

void fetcher_begin(struct fetcher *fetcher, uint64_t seed)
{
    *fetcher = (struct fetcher){.jitter.state = seed};
    for (size_t i = 0; i < INDEX_SOURCES_MAX; i++)
        fetcher->source[i].pipe = -1;
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

/* Keeps two descriptors, and none of the parent's sockets. */
static void close_others(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

    descriptors_close(STDERR_FILENO + 1, low - 1);
    descriptors_close(low + 1, high - 1);
    descriptors_close(high + 1, ~0u);
}

/*
 * fork without exec: the configuration is the parent's, whatever its file says by now. The
 * parent's libcurl may have a thread that resolves a name; a lock that this holds in the moment
 * of the fork makes the child hang, at worst, until its time is up.
 */
static _Noreturn void be_child(const struct config *config, const struct state *state,
                               size_t number, int pipe, pid_t parent)
{
    struct index_pull pull = {.config = config,
                              .state = state,
                              .now_s = instant_now().wall_s,
                              .say = say_to_parent,
                              .context = &pipe};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    close_others(pipe, state->fd);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(index_pull_source(&pull, &config->index_sources[number]) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool start(struct fetcher_source *source, size_t number, const struct config *config,
                  const struct state *state, struct why *why)
{
    int ends[2];
    pid_t parent = getpid();

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return why_not(why, "The index's sources cannot be asked: no pipe can be made: %s.",
                       strerror(errno));
    pid_t child = fork();
    if (child == 0)
        be_child(config, state, number, ends[1], parent);
    close(ends[1]);
    if (child > 0) {
        source->child = child;
        source->pipe = ends[0];
        source->len = 0;
        return true;
    }
    close(ends[0]);
    return why_not(why, "The index's sources cannot be asked: no process can be started: %s.",
                   strerror(errno));
}
#else
static bool start(struct fetcher_source *source, size_t number, const struct config *config,
                  const struct state *state, struct why *why)
{
    (void)source, (void)number, (void)config, (void)state;
    return why_not(why, "This signpost was built without libcurl, jansson or libcrypto, and cannot "
                        "fetch `index_sources`.");
}
#endif

/* ---- the parent ---- */

static void reap(struct fetcher_source *source)
{
    close(source->pipe);
    source->pipe = -1;
    while (waitpid(source->child, NULL, 0) < 0 && errno == EINTR)
        ;
    source->child = 0;
}

static void end(struct fetcher_source *source)
{
    if (!source->child)
        return;
    kill(source->child, SIGKILL);
    reap(source);
}

/* Each mirror has a limit of its own, so only a child that hangs is ended. */
static void limit_time(struct fetcher_source *source, const struct index_source *what,
                       struct instant now, const struct fetcher_calls *calls)
{
    int64_t limit_ms = (int64_t)what->count * INDEX_PULL_SECONDS * 1000 + SPARE_MS;
    struct why why;

    if (!source->child || now.steady_ms - source->started_ms < limit_ms)
        return;
    end(source);
    why_not(&why, "An index source has been asked for %d s, which is given up: %s.",
            (int)(limit_ms / 1000), what->mirrors[0]);
    calls->say(calls->context, why.text);
}

static void start_if_due(struct fetcher *fetcher, size_t number, const struct config *config,
                         const struct state *state, struct instant now,
                         const struct fetcher_calls *calls)
{
    struct fetcher_source *source = &fetcher->source[number];
    int64_t interval_ms = config->index_interval_ms;
    struct why why;

    if (source->child || now.steady_ms < source->due_ms)
        return;
    source->started_ms = now.steady_ms;
    source->due_ms =
        now.steady_ms + interval_ms -
        (int64_t)jitter_below(&fetcher->jitter, (uint64_t)interval_ms / JITTER_PART + 1);
    bool started = start(source, number, config, state, &why);
    if (started && !calls->watch(calls->context, source->pipe)) {
        started =
            why_not(&why, "The index's sources cannot be asked: a pipe cannot be watched: %s.",
                    strerror(errno));
        end(source);
    }
    if (!started)
        source->due_ms = now.steady_ms + RETRY_MS;
    if (!started && !source->told)
        calls->say(calls->context, why.text);
    source->told = !started;
}

void fetcher_look(struct fetcher *fetcher, const struct config *config, const struct state *state,
                  struct instant now, const struct fetcher_calls *calls)
{
    for (size_t i = 0; i < config->index_source_count; i++) {
        limit_time(&fetcher->source[i], &config->index_sources[i], now, calls);
        if (state->fd >= 0)
            start_if_due(fetcher, i, config, state, now, calls);
    }
}

static void hand_on(struct fetcher_source *source, const struct fetcher_calls *calls)
{
    char *end;

    while ((end = memchr(source->text, '\n', source->len))) {
        size_t taken = (size_t)(end - source->text) + 1;
        *end = '\0';
        calls->say(calls->context, source->text);
        source->len -= taken;
        memmove(source->text, end + 1, source->len);
    }
    if (source->len == sizeof source->text)
        source->len = 0; /* no sentence is so long */
}

static void hear(struct fetcher_source *source, const struct fetcher_calls *calls)
{
    while (source->pipe >= 0) {
        ssize_t n =
            read(source->pipe, source->text + source->len, sizeof source->text - source->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            reap(source);
            return;
        }
        source->len += (size_t)n;
        hand_on(source, calls);
    }
}

void fetcher_hear(struct fetcher *fetcher, const struct fetcher_calls *calls)
{
    for (size_t i = 0; i < INDEX_SOURCES_MAX; i++)
        hear(&fetcher->source[i], calls);
}

void fetcher_end(struct fetcher *fetcher)
{
    for (size_t i = 0; i < INDEX_SOURCES_MAX; i++) {
        end(&fetcher->source[i]);
        fetcher->source[i].due_ms = 0;
    }
}
