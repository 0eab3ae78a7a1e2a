/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long signpost's own work on a request takes, and how often it allocates:
 * from CGI variables to a whole answer, and the decision alone. Not a test.
 *
 *     t/bench/decide etc/registry.k8s.io.conf
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "config/configuration.h"
#include "route/respond.h"
#include "route/route.h"

enum { ROUNDS = 7, CALLS = 200000 };

#define DIGEST "sha256:da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e"

static const struct {
    const char *what, *target;
} cases[] = {
    {"tag", "REQUEST_URI=/v2/pause/manifests/3.9"},
    {"signature tag", "REQUEST_URI=/v2/pause/manifests/sha256-"
                      "da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e.sig"},
    {"digest", "REQUEST_URI=/v2/pause/manifests/" DIGEST},
    {"blob", "REQUEST_URI=/v2/pause/blobs/" DIGEST},
};

static unsigned long allocations;

void *malloc(size_t size)
{
    static void *(*real)(size_t);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "malloc");
    allocations++;
    return real(size);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct work {
    const struct config *config;
    char *const *variables;
    struct request request;
    struct answer answer;
    size_t sum; /* so that nothing is optimised away */
};

static void whole(struct work *w)
{
    respond(w->config, NULL, w->variables, &w->answer);
    w->sum += w->answer.len;
}

static void decision(struct work *w)
{
    struct text out = {.at = w->answer.text, .size = sizeof w->answer.text};
    struct routed routed;

    route(w->config, NULL, &w->request, NULL, NULL, &routed);
    respond_location(&routed.decision, &routed.classified, w->request.query, &out);
    w->sum += out.len;
}

/* The best of some rounds, in ns: the machine is noisy, and noise only adds. */
static double measure(void (*call)(struct work *), struct work *w)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < CALLS; i++)
            call(w);
        double each = (now_ns() - start) / CALLS;
        best = each < best ? each : best;
    }
    return best;
}

static void run(const struct config *config, const char *what, const char *target,
                const char *region)
{
    /* As many variables as nginx and lighttpd hand over. */
    const char *handed_over[] = {"SCRIPT_FILENAME=/srv/www/v2",
                                 "QUERY_STRING=",
                                 "REQUEST_METHOD=GET",
                                 "CONTENT_TYPE=",
                                 "CONTENT_LENGTH=",
                                 "SCRIPT_NAME=",
                                 "PATH_INFO=/v2/x",
                                 target,
                                 "DOCUMENT_ROOT=/srv/www",
                                 "SERVER_PROTOCOL=HTTP/1.1",
                                 "REQUEST_SCHEME=https",
                                 "HTTPS=on",
                                 "GATEWAY_INTERFACE=CGI/1.1",
                                 "SERVER_SOFTWARE=nginx/1.22.1",
                                 "REMOTE_ADDR=192.0.2.1",
                                 "REMOTE_PORT=40000",
                                 "SERVER_ADDR=192.0.2.2",
                                 "SERVER_PORT=443",
                                 "SERVER_NAME=registry.k8s.io",
                                 "REDIRECT_STATUS=200",
                                 "HTTP_HOST=registry.k8s.io",
                                 "HTTP_USER_AGENT=containerd/2.0",
                                 "HTTP_ACCEPT=application/vnd.oci.image.manifest.v1+json, */*",
                                 "HTTP_ACCEPT_ENCODING=gzip",
                                 region};
    char *variables[sizeof handed_over / sizeof *handed_over + 1] = {NULL};
    struct work w = {.config = config, .variables = variables};

    for (size_t i = 0; i + 1 < sizeof variables / sizeof *variables && handed_over[i]; i++)
        variables[i] = strdup(handed_over[i]);
    request_read(&w.request, &config->request, w.variables);
    whole(&w);
    unsigned long before = allocations;
    double all = measure(whole, &w), one = measure(decision, &w);
    printf("%-14s %-10s %8.0f %8.0f %12.0f %8lu\n", what, region ? "known" : "unknown", one, all,
           1e9 / one, (allocations - before) / (2 * ROUNDS * CALLS));
}

int main(int argc, char **argv)
{
    struct problems problems = {0};
    struct config *config = config_load(argc > 1 ? argv[1] : NULL, &problems);

    problems_print(&problems, stderr);
    if (!config)
        return 1;
    printf("%-14s %-10s %8s %8s %12s %8s\n", "request", "place", "ns", "ns whole", "decisions/s",
           "mallocs");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(config, cases[i].what, cases[i].target, NULL);
        run(config, cases[i].what, cases[i].target, "HTTP_X_CLIENT_REGION=aws:eu-west-3");
    }
    config_free(config);
    return 0;
}
