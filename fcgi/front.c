/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "front.h"
#include <limits.h>
#include <stdio.h>

void front_say(const char *sentence)
{
    fprintf(stderr, "signpost.fcgi: %s\n", sentence);
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
    config_free(front->config);
    front->config = config;
    return true;
}

static void answer(void *ctx, char *const *variables, struct answer *answer)
{
    const struct front *front = ctx;
    respond(front->config, variables, answer);
}

static void reload(void *ctx)
{
    if (front_load(ctx, FRONT_ALL))
        front_say("The configuration has been read again.");
    else
        front_say("The new configuration is refused; the old one goes on serving.");
}

/* `signpost reload` leaves word in the state directory. */
static void tick(void *ctx)
{
    struct front *front = ctx;
    if (control_reload_asked(&front->watch, front->config->state))
        reload(front);
}

static void note(void *ctx, const char *sentence)
{
    (void)ctx;
    front_say(sentence);
}

struct service front_service(struct front *front)
{
    control_watch_start(&front->watch, front->config->state);
    return (struct service){
        .ctx = front, .answer = answer, .reload = reload, .tick = tick, .note = note};
}
