/* SPDX-License-Identifier: Apache-2.0 */
/* What could not be found out a moment ago. */
#include "prober/agenda_parts.h"

enum {
    UNKNOWN_MS = 60 * 1000 /* what could not be found out is not asked again so soon, or twice */
};

const struct recent_unknown *unknown_recent(const struct agenda *agenda, uint64_t key,
                                            struct instant now)
{
    const struct recent_unknown *recent = &agenda->unknown[key % RECENT_UNKNOWN];

    return now.steady_ms < recent->until_ms && recent->key == key ? recent : NULL;
}

void unknown_add(struct agenda *agenda, const struct job *job, bool in_trouble, struct instant now)
{
    int64_t pause = UNKNOWN_MS + (int64_t)jitter_below(&agenda->jitter, UNKNOWN_MS);

    agenda->unknown[job->key % RECENT_UNKNOWN] =
        (struct recent_unknown){job->key, job->remote->id, now.steady_ms + pause, in_trouble};
}

void unknown_forget(struct agenda *agenda, const struct remote *remote)
{
    for (size_t i = 0; i < RECENT_UNKNOWN; i++)
        if (agenda->unknown[i].target == remote->id)
            agenda->unknown[i].until_ms = INT64_MIN;
}
