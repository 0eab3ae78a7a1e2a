/* SPDX-License-Identifier: Apache-2.0 */
#include "state/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/instant.h"

enum {
    LOOK_MS = 900,       /* from one reading to the next, … */
    LOOK_TIMES = 20,     /* … and so many times what the reading took */
    SETTLED_MS = 500,    /* a file that is younger may be unfinished … */
    AHEAD_MS = 10 * 1000 /* … as may one from the future, by a clock that is ahead */
};

static const struct config no_config = {.is_reloaded = true};

void refusal_begin(struct refusal *refusal, enum presence_kind kind, const char *file,
                   refusal_say *say, void *context)
{
    *refusal = (struct refusal){
        .kind = kind, .file = file, .say = say, .context = context, .state.fd = -1};
    presence_begin(&refusal->presence, kind);
}

/* As they are printed; empty without memory. */
static char *text_of(const struct problems *problems)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return strdup("");
    problems_print(problems, out);
    fclose(out);
    return text;
}

/* From the first refusal on. */
static void open_state(struct refusal *refusal)
{
    struct slice name = config_default_state();

    snprintf(refusal->state_name, sizeof refusal->state_name, "%.*s", (int)name.len, name.at);
    state_begin(&refusal->state, refusal->state_name);
    control_open(&refusal->control, &refusal->state, &no_config);
}

static void tell(struct refusal *refusal, const struct problems *problems)
{
    char found[PATH_MAX];
    const char *file = refusal->file;
    struct why reason;

    if (!file) {
        config_find(found, sizeof found);
        file = found;
    }
    problems_first(problems, &reason);
    /* That it cannot be told is no news here: there may be another directory in the file. */
    presence_tell(&refusal->presence, &refusal->state, PRESENCE_UNCONFIGURED, file,
                  refusal->control.reload, &reason, NULL);
}

static void refuse(struct refusal *refusal, const struct problems *problems, bool was_asked)
{
    char *text = text_of(problems);
    bool was_said = text && refusal->said && strcmp(text, refusal->said) == 0;

    if (!refusal->state.name)
        open_state(refusal);
    free(refusal->said);
    refusal->said = text;
    if (was_asked || !was_said)
        refusal->say(refusal->context, problems);
    tell(refusal, problems);
}

static bool may_be_unfinished(const struct config *config)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = (int64_t)(now.tv_sec - config->written.tv_sec) * 1000 +
                     (now.tv_nsec - config->written.tv_nsec) / 1000000;
    return age_ms < SETTLED_MS && age_ms > -AHEAD_MS;
}

struct config *refusal_read(struct refusal *refusal, bool was_asked)
{
    struct problems problems = {0};
    int64_t begun = instant_now().steady_ms;
    struct config *config = config_reload(refusal->file, &problems);
    int64_t now = instant_now().steady_ms;

    refusal->look_at = now + LOOK_MS + LOOK_TIMES * (now - begun);
    if (!config) {
        refuse(refusal, &problems, was_asked);
    } else if (!was_asked && may_be_unfinished(config)) {
        config_free(config);
        config = NULL;
    } else {
        refusal->say(refusal->context, &problems);
    }
    problems_clear(&problems);
    return config;
}

struct config *refusal_look(struct refusal *refusal)
{
    if (refusal->state.name)
        state_look(&refusal->state);
    else
        open_state(refusal);
    bool was_asked = control_refresh(&refusal->control) == CONTROL_RELOAD;
    presence_keep(&refusal->presence, &refusal->state, NULL);
    if (!was_asked && instant_now().steady_ms < refusal->look_at)
        return NULL;
    return refusal_read(refusal, was_asked);
}

void refusal_end(struct refusal *refusal)
{
    presence_end(&refusal->presence);
    state_end(&refusal->state);
    refusal->state.name = NULL;
    free(refusal->said);
    refusal->said = NULL;
}
