/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations from text, and what they answer: for tests of the whole way of a request. */
#ifndef ASKING_H
#define ASKING_H

#include <stdio.h>
#include <stdlib.h>
#include "config/configuration.h"
#include "route/respond.h"
#include "variables.h"

/* The configuration, which must have no mistakes; the caller frees it. */
static inline struct config *config_of(const char *text)
{
    struct problems problems = {0};
    struct config *config = config_parse(text, &problems);

    if (!config)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    if (!config) {
        puts("Bail out! A test's own configuration is refused.");
        exit(1);
    }
    return config;
}

/* An answer taken apart. */
struct asked {
    struct answer answer;
    size_t head_len; /* with the empty line; 0 if there is none */
};

/* The answer to variables, one a line; good until the next call. */
static inline const struct asked *ask(const struct config *config, const char *lines)
{
    static struct asked asked;

    respond(config, NULL, variables(lines), &asked.answer);
    const char *end = memmem(asked.answer.text, asked.answer.len, "\r\n\r\n", 4);
    asked.head_len = end ? (size_t)(end + 4 - asked.answer.text) : 0;
    return &asked;
}

/* The answer to a GET for this target, with more variables, one a line, or NULL. */
static inline const struct asked *ask_target(const struct config *config, const char *target,
                                             const char *more)
{
    static char lines[32768];

    snprintf(lines, sizeof lines, "REQUEST_METHOD=GET\nREQUEST_URI=%s%s%s", target,
             more ? "\n" : "", more ? more : "");
    return ask(config, lines);
}

/* A header's value, or NULL; good until the next call but three. */
static inline const char *header_of(const struct asked *asked, const char *name)
{
    static char values[4][ANSWER_MAX];
    static unsigned turn;
    char *value = values[turn++ % 4], start[64];
    int n = snprintf(start, sizeof start, "%s: ", name);

    for (size_t i = 0; i + (size_t)n < asked->head_len; i++) {
        const char *at = asked->answer.text + i;
        if ((i > 0 && at[-1] != '\n') || memcmp(at, start, (size_t)n) != 0)
            continue;
        const char *end = memmem(at, asked->head_len - i, "\r\n", 2);
        size_t len = (size_t)(end - at) - (size_t)n;
        memcpy(value, at + n, len);
        value[len] = '\0';
        return value;
    }
    return NULL;
}

/* The status code, 0 if there is none. */
static inline int status_of(const struct asked *asked)
{
    const char *status = header_of(asked, "Status");
    return status ? atoi(status) : 0;
}

static inline const char *location_of(const struct asked *asked)
{
    return header_of(asked, "Location");
}

static inline struct slice body_of(const struct asked *asked)
{
    return (struct slice){asked->answer.text + asked->head_len,
                          asked->answer.len - asked->head_len};
}

#endif
