/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "instant.h"

enum {
    LOOK_MS = 900,       /* from one reading to the next, … */
    LOOK_TIMES = 20,     /* … and so many times what the reading took */
    SETTLED_MS = 500,    /* a file that is younger may be unfinished … */
    AHEAD_MS = 10 * 1000 /* … as may one from the future, by a clock that is ahead */
};

/* As they are printed; NULL without memory. */
static char *text_of(const struct problems *problems)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    problems_print(problems, out);
    fclose(out);
    return text;
}

static void note(struct refusal *refusal, const struct problems *problems, bool was_asked,
                 struct notes *notes)
{
    char *text = text_of(problems);
    bool was_said = text && refusal->said && strcmp(text, refusal->said) == 0;

    free(refusal->said);
    refusal->said = text;
    if (was_asked || !was_said)
        notes_problems(notes, problems);
}

static bool may_be_unfinished(const struct config *config)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = (int64_t)(now.tv_sec - config->written.tv_sec) * 1000 +
                     (now.tv_nsec - config->written.tv_nsec) / 1000000;
    return age_ms < SETTLED_MS && age_ms > -AHEAD_MS;
}

struct config *refusal_read(struct refusal *refusal, const char *file, bool was_asked,
                            struct notes *notes)
{
    struct problems problems = {0};
    int64_t begun = instant_now().steady_ms;
    struct config *config = config_load_found(file, &problems);
    int64_t now = instant_now().steady_ms;

    refusal->look_at = now + LOOK_MS + LOOK_TIMES * (now - begun);
    if (!config) {
        note(refusal, &problems, was_asked, notes);
    } else if (!was_asked && may_be_unfinished(config)) {
        config_free(config);
        config = NULL;
    } else {
        notes_problems(notes, &problems);
    }
    problems_clear(&problems);
    return config;
}

bool refusal_is_due(const struct refusal *refusal)
{
    return instant_now().steady_ms >= refusal->look_at;
}

void refusal_end(struct refusal *refusal)
{
    free(refusal->said);
    *refusal = (struct refusal){0};
}
