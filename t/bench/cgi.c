/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CGI request costs: starts signpost.fcgi with Kubernetes' layout, and a
 * program that links libfcgi and prints a constant redirect (constant_fcgi), in
 * turn, as a web server would, and prints the median times and their ratio.
 *
 *     t/bench/cgi fcgi/signpost.fcgi t/bench/constant_fcgi etc/registry.k8s.io.conf [RUNS]
 */
#include "config.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 1000, RUNS_MAX = 100000, WARM_UP = 20 };

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Starts the program and waits for its end; microseconds, negative when it failed. */
static double run(char *program, char **environment, const posix_spawn_file_actions_t *actions)
{
    char *arguments[] = {program, NULL};
    int status;
    pid_t pid;
    double start = now_us();
    if (posix_spawn(&pid, program, actions, NULL, arguments, environment) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        return -1;
    return now_us() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, int count)
{
    qsort(list, (size_t)count, sizeof *list, by_value);
    return list[count / 2];
}

/* Measures both in turn. False: one of them failed. */
static bool measure(char **programs, char **environment, int runs, double *times[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    bool good = true;
    for (int i = -WARM_UP; good && i < runs; i++) {
        for (int which = 0; good && which < 2; which++) {
            double us = run(programs[which], environment, &actions);
            good = us >= 0;
            if (!good)
                fprintf(stderr, "%s failed\n", programs[which]);
            if (i >= 0)
                times[which][i] = us;
        }
    }
    posix_spawn_file_actions_destroy(&actions);
    return good;
}

int main(int argc, char **argv)
{
    char configuration[4200];
    char *environment[] = {configuration,
                           (char[]){"GATEWAY_INTERFACE=CGI/1.1"},
                           (char[]){"REQUEST_METHOD=GET"},
                           (char[]){"REQUEST_URI=/v2/pause/manifests/latest"},
                           (char[]){"SCRIPT_NAME="},
                           (char[]){"PATH_INFO=/v2/pause/manifests/latest"},
                           (char[]){"QUERY_STRING="},
                           (char[]){"REMOTE_ADDR=192.0.2.1"},
                           (char[]){"SERVER_PROTOCOL=HTTP/1.1"},
                           (char[]){"HTTP_HOST=registry.k8s.io"},
                           NULL};
    int runs = argc > 4 ? atoi(argv[4]) : RUNS;
    if (argc < 4 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "Usage: cgi SIGNPOST.FCGI CONSTANT_FCGI SIGNPOST.CONF [RUNS]\n");
        return 2;
    }
    snprintf(configuration, sizeof configuration, "SIGNPOST_CONF=%s", argv[3]);
    double *times[2] = {calloc((size_t)runs, sizeof(double)), calloc((size_t)runs, sizeof(double))};
    int status = 1;
    if (times[0] && times[1] && measure(argv + 1, environment, runs, times)) {
        double ours = median(times[0], runs), constant = median(times[1], runs);
        printf("medians of %d starts each, in turn:\n%8.0f us  signpost.fcgi, as CGI\n"
               "%8.0f us  a constant redirect, linked to libfcgi\n%8.2f     times as long "
               "(goal: at most 1.5)\n",
               runs, ours, constant, ours / constant);
        status = 0;
    }
    free(times[0]);
    free(times[1]);
    return status;
}
