/* SPDX-License-Identifier: Apache-2.0 */
#include "state/index.h"

#include <errno.h>
#include <stdlib.h>
#include "core/mapped.h"
#include "core/plain_file.h"
#include "state/index_fetched.h"
#include "state/state.h"

enum { REFRESH_MS = 1000 };

enum part_state {
    UNTRIED, /* not needed so far */
    OPEN,
    CLOSED /* not there, refused, or changed while in use */
};

/* One of its files. */
struct part {
    const char *name;
    enum part_state state;
    bool told_passing;
    struct identity seen; /* the file that was last opened or refused */
    struct index_file file;
};

struct index {
    index_log *log;
    void *log_context;
    bool refreshed;
    int64_t refreshed_ms;
    const struct state *state; /* of what is fetched */
    const struct index_source *sources;
    size_t fetched_count;
    struct index_fetched *fetched[INDEX_SOURCES_MAX];
    size_t count;
    struct part part[];
};

static void tell(const struct index *index, const struct why *why)
{
    if (index->log)
        index->log(index->log_context, why->text);
}

struct index *index_new(const char *const *names, size_t count, index_log *log, void *log_context)
{
    struct index *index = calloc(1, sizeof *index + count * sizeof *index->part);

    if (!index)
        return NULL;
    index->log = log;
    index->log_context = log_context;
    index->count = count;
    for (size_t i = 0; i < count; i++)
        index->part[i] = (struct part){.name = names[i], .file.map = -1};
    return index;
}

bool index_join(struct index *index, const struct state *state, const struct index_source *sources,
                size_t count, struct slice registry)
{
    index->state = state;
    index->sources = sources;
    for (size_t i = 0; i < count && i < INDEX_SOURCES_MAX; i++) {
        index->fetched[i] =
            index_fetched_new(&sources[i], registry, index->log, index->log_context);
        if (!index->fetched[i])
            return false;
        index->fetched_count++;
    }
    return true;
}

void index_free(struct index *index)
{
    for (size_t i = 0; index && i < index->fetched_count; i++)
        index_fetched_free(index->fetched[i]);
    for (size_t i = 0; index && i < index->count; i++)
        if (index->part[i].state == OPEN)
            index_file_close(&index->part[i].file);
    free(index);
}

/* What passes is told once, though it is tried again each second. */
static void tell_unopened(const struct index *index, struct part *part, const struct why *why,
                          int error)
{
    bool passes = plain_file_may_open_later(error);

    if (!passes || !part->told_passing)
        tell(index, why);
    part->told_passing = passes;
    if (passes)
        part->seen = (struct identity){0};
}

/* Takes a file that has come. What is open stays if that fails; false with errno. */
static bool take(struct part *part, struct why *why)
{
    struct index_file file;

    if (!index_file_open(&file, part->name, why))
        return false;
    if (part->state == OPEN)
        index_file_close(&part->file);
    part->file = file;
    part->seen = file.identity;
    part->state = OPEN;
    part->told_passing = false;
    return true;
}

/* Opens a file for a first search. That there is none is nothing to tell: it lists nothing. */
static void open_first(const struct index *index, struct part *part)
{
    struct why why;

    part->seen = identity_under(part->name);
    if (take(part, &why))
        return;
    int error = errno;
    part->state = CLOSED;
    if (error != ENOENT)
        tell_unopened(index, part, &why, error);
}

/* Closes a file that cannot be believed any more: it lists nothing until it is replaced. */
static void retire(const struct index *index, struct part *part)
{
    struct why why;

    if (mapped_is_damaged(part->file.map))
        why_not(&why,
                "%s was cut short while in use, and is no longer searched: write a new file beside "
                "it, and rename that.",
                part->name);
    else
        why_not(&why,
                "%s is damaged or not in order, and is no longer searched; `signpost index check "
                "%s` says where.",
                part->name, part->name);
    index_file_close(&part->file);
    part->state = CLOSED;
    tell(index, &why);
}

static bool part_has(const struct index *index, struct part *part, struct slice digest,
                     struct slice repository)
{
    if (part->state == UNTRIED)
        open_first(index, part);
    if (part->state != OPEN)
        return false;
    enum index_outcome outcome = index_file_find(&part->file, digest, repository);
    if (outcome != INDEX_DAMAGED)
        return outcome == INDEX_PRESENT;
    retire(index, part);
    return false;
}

const char *index_listed_by(struct index *index, struct slice digest, struct slice repository)
{
    for (size_t i = 0; index && i < index->count; i++)
        if (part_has(index, &index->part[i], digest, repository))
            return index->part[i].name;
    for (size_t i = 0; index && i < index->fetched_count; i++)
        if (index_fetched_has(index->fetched[i], index->state->fd, digest, repository))
            return index->sources[i].mirrors[0];
    return NULL;
}

static void refresh(const struct index *index, struct part *part)
{
    struct identity now = identity_under(part->name);
    bool is_first = part->state == UNTRIED;
    struct why bad, why;

    if (!is_first && identity_same(&now, &part->seen))
        return;
    part->seen = now;
    if (take(part, &bad))
        return;
    int error = errno;
    if (is_first)
        part->state = CLOSED;
    if (part->state == OPEN && identity_same_file(&part->file.identity, &now))
        retire(index, part); /* what was open is what was found bad */
    if (part->state == OPEN)
        why_not(&why, "%s The one before serves on.", bad.text);
    else
        why = bad;
    if (!is_first || error != ENOENT)
        tell_unopened(index, part, &why, error);
}

void index_refresh(struct index *index, int64_t now_ms)
{
    if (!index || (index->refreshed && now_ms - index->refreshed_ms < REFRESH_MS))
        return;
    index->refreshed = true;
    index->refreshed_ms = now_ms;
    for (size_t i = 0; i < index->count; i++)
        refresh(index, &index->part[i]);
    for (size_t i = 0; i < index->fetched_count; i++)
        index_fetched_look(index->fetched[i], index->state->fd);
}
