/* SPDX-License-Identifier: Apache-2.0 */
/* When the prober has sources asked: each in a process of its own, which has a limit. */
#include "config.h"
#include "../tap.h"

#ifndef HAVE_REGISTRY
int main(void)
{
    puts("1..0 # SKIP built without libcurl, jansson or libcrypto");
    return 0;
}
#else

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "prober/fetcher.h"
#include "prober/index_pull.h"

enum { INTERVAL_MS = 600000, LIMIT_MS = INDEX_PULL_SECONDS * 1000 + 60000 };

static char folder[] = "/tmp/signpost-fetcher-XXXXXX";
static int watched, said;
static bool watches = true;
static char last[400];

static bool watch(void *context, int pipe)
{
    (void)context;
    watched += fcntl(pipe, F_GETFD) >= 0;
    return watches;
}

static void say(void *context, const char *sentence)
{
    (void)context;
    said++;
    snprintf(last, sizeof last, "%s", sentence);
}

static const struct fetcher_calls calls = {watch, say, NULL};

/* A port that takes connections, and never answers. */
static int listen_at(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 10) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

static bool is_alive(pid_t child)
{
    return child > 0 && kill(child, 0) == 0;
}

static void test_turns(const struct config *config, const struct state *state)
{
    static struct fetcher fetcher;
    struct instant now = {.steady_ms = 5000};
    const struct state none = {.fd = -1};

    fetcher_begin(&fetcher, 1);
    fetcher_look(&fetcher, config, &none, now, &calls);
    cmp_ok(watched, ==, 0, "without a state directory nothing is asked");
    fetcher_look(&fetcher, config, state, now, &calls);
    pid_t first = fetcher.source[0].child, second = fetcher.source[1].child;
    ok(watched == 2 && is_alive(first) && is_alive(second) && first != second,
       "each source has a process at once");
    for (int i = 0; i < 2; i++) {
        int64_t wait_ms = fetcher.source[i].due_ms - now.steady_ms;
        ok(wait_ms <= INTERVAL_MS && wait_ms >= INTERVAL_MS * 9 / 10,
           "the next is due after an interval, or a little before");
    }
    now.steady_ms += INTERVAL_MS;
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(fetcher.source[0].child == first && watched == 2, "but not while one is under way");
    now.steady_ms = 5000 + LIMIT_MS - 1;
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(fetcher.source[0].child == first && said == 0, "which may take long");
    now.steady_ms++;
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(!is_alive(first) && said == 1, "but not longer");
    like(last, "An index source has been asked for 960 s, which is given up: http://",
         "as is said");
    ok(fetcher.source[0].child != first && is_alive(fetcher.source[0].child), "it is asked anew");
    ok(is_alive(second), "a source with two mirrors has twice the time");

    first = fetcher.source[0].child;
    fetcher_end(&fetcher);
    ok(!is_alive(first) && !is_alive(second) && fetcher.source[1].pipe < 0, "all are ended");
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(fetcher.source[0].child && fetcher.source[1].child, "then all are due");
    fetcher_end(&fetcher);
}

/* With as many descriptors as are open, there is no pipe. */
static void test_no_pipe(const struct config *config, const struct state *state)
{
    static struct fetcher fetcher;
    struct instant now = {.steady_ms = 5000};
    struct rlimit limit, none;

    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    fetcher_begin(&fetcher, 1);
    watched = said = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    fetcher_look(&fetcher, config, state, now, &calls);
    cmp_ok(said, ==, 2, "for each source is said that it cannot be asked");
    like(last, "The index's sources cannot be asked: no pipe can be made: ", "and why");
    now.steady_ms += 9999;
    fetcher_look(&fetcher, config, state, now, &calls);
    now.steady_ms++;
    fetcher_look(&fetcher, config, state, now, &calls);
    cmp_ok(said, ==, 2, "once");
    ok(fetcher.source[0].due_ms == now.steady_ms + 10000, "it is tried every ten seconds");
    setrlimit(RLIMIT_NOFILE, &limit);
    now.steady_ms += 10000;
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(watched == 2 && is_alive(fetcher.source[0].child) && said == 2, "until it can");
    fetcher_end(&fetcher);
    watches = false;
    fetcher_look(&fetcher, config, state, now, &calls);
    ok(said == 4 && !fetcher.source[0].child && fetcher.source[0].due_ms == now.steady_ms + 10000,
       "a pipe that cannot be watched is said, and tried again as well");
    fetcher_end(&fetcher);
}

static void remove_all(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", folder);
    ok(system(command) == 0, "nothing is left behind");
}

int main(void)
{
    char url[64];
    unsigned port;
    int silent = listen_at(&port);
    const char *const mirrors[] = {url, url};
    const struct index_source sources[] = {
        {.mirrors = mirrors, .count = 1, .id = "0123456789abcdef"},
        {.mirrors = mirrors, .count = 2, .id = "fedcba9876543210"}};
    const struct config config = {.name = SLICE("r.example.org"),
                                  .index_sources = sources,
                                  .index_source_count = 2,
                                  .index_interval_ms = INTERVAL_MS};
    struct state state = {.name = folder};

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    state.fd = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    test_turns(&config, &state);
    test_no_pipe(&config, &state);
    close(state.fd);
    close(silent);
    remove_all();
    return done_testing();
}
#endif
