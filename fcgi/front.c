/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "front.h"
#include <limits.h>
#include <stdio.h>

void front_say(const char *sentence)
{
    fprintf(stderr, "signpost.fcgi: %s\n", sentence);
}

static void note(void *ctx, const char *sentence)
{
    (void)ctx;
    front_say(sentence);
}

/* A CGI starts anew for each request: what is wrong with a file would be told each time. */
static void hush(void *ctx, const char *sentence)
{
    (void)ctx, (void)sentence;
}

void front_close(struct front *front)
{
    knowledge_close(&front->knowledge);
    config_free(front->config);
    front->config = NULL;
}

bool front_load(struct front *front, enum front_voice voice)
{
    char found[PATH_MAX];
    struct problems problems = {0};
    const char *file = front->file;
    if (!file && config_find(found, sizeof found))
        file = found;
    struct config *config = config_load(file, &problems);
    if (!config || voice == FRONT_ALL)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    if (!config)
        return false;
    front_close(front);
    front->config = config;
    knowledge_open(&front->knowledge, config, instant_now(),
                   voice == FRONT_ALL ? note : hush, NULL);
    return true;
}

static void answer(void *ctx, char *const *variables, struct answer *answer)
{
    const struct front *front = ctx;
    respond(front->config, &front->knowledge, variables, answer);
}

static void reload(void *ctx)
{
    if (front_load(ctx, FRONT_ALL))
        front_say("The configuration has been read again.");
    else
        front_say("The new configuration is refused; the old one goes on serving.");
}

static void tick(void *ctx)
{
    struct front *front = ctx;
    if (knowledge_refresh(&front->knowledge, instant_now()))
        reload(front);
}

struct service front_service(struct front *front)
{
    return (struct service){
        .ctx = front, .answer = answer, .reload = reload, .tick = tick, .note = note};
}
