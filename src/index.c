/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include "index_file.h"
#include "mapped.h"
#include "plain_file.h"

enum { REFRESH_MS = 1000 };

enum state {
    UNTRIED, /* not needed so far */
    OPEN,
    CLOSED /* not there, refused, or changed while in use */
};

struct index {
    char *name;
    index_log *log;
    void *log_context;
    bool refreshed, told_passing;
    int64_t refreshed_ms;
    enum state state;
    struct identity seen; /* the file that was last opened or refused */
    struct index_file file;
};

static void tell(const struct index *index, const struct why *why)
{
    if (index->log)
        index->log(index->log_context, why->text);
}

struct index *index_new(const char *name, index_log *log, void *log_context)
{
    struct index *index = calloc(1, sizeof *index);

    if (!index)
        return NULL;
    index->name = strdup(name);
    index->log = log;
    index->log_context = log_context;
    index->file.map = -1;
    if (index->name)
        return index;
    free(index);
    return NULL;
}

void index_free(struct index *index)
{
    if (!index)
        return;
    if (index->state == OPEN)
        index_file_close(&index->file);
    free(index->name);
    free(index);
}

/* What passes is told once, though it is tried again each second. */
static void tell_unopened(struct index *index, const struct why *why, int error)
{
    bool passes = plain_file_may_open_later(error);

    if (!passes || !index->told_passing)
        tell(index, why);
    index->told_passing = passes;
    if (passes)
        index->seen = (struct identity){0};
}

/* Opens the file for a first search. That there is none is nothing to tell of: it lists nothing. */
static bool open_first(struct index *index)
{
    struct why why;

    index->seen = identity_under(index->name);
    if (index_file_open(&index->file, index->name, &why)) {
        index->seen = index->file.identity;
        index->state = OPEN;
        index->told_passing = false;
        return true;
    }
    index->state = CLOSED;
    if (errno != ENOENT)
        tell_unopened(index, &why, errno);
    return false;
}

/* Closes a file that cannot be believed any more: it lists nothing until it is replaced. */
static void retire(struct index *index)
{
    bool changed = mapped_is_damaged(index->file.map) || index->file.whole;
    struct why why;

    if (changed || index_file_check(&index->file, index->name, NULL, &why))
        why_not(&why,
                "%s was cut short or overwritten while in use, and is no longer searched: write a "
                "new file beside it, and rename that.",
                index->name);
    index_file_close(&index->file);
    index->state = CLOSED;
    tell(index, &why);
}

bool index_has(struct index *index, struct slice digest)
{
    if (!index || index->state == CLOSED || (index->state == UNTRIED && !open_first(index)))
        return false;
    enum index_outcome outcome = index_file_find(&index->file, digest);
    if (outcome != INDEX_DAMAGED && !mapped_is_damaged(index->file.map))
        return outcome == INDEX_PRESENT;
    retire(index);
    return false;
}

/* Opens and checks a file that has come; what is open stays until it is found good. */
static bool take(struct index *index, struct why *why)
{
    struct index_file file;

    if (!index_file_open(&file, index->name, why))
        return false;
    errno = 0;
    if (!index_file_check(&file, index->name, NULL, why)) {
        index_file_close(&file);
        return false;
    }
    if (index->state == OPEN)
        index_file_close(&index->file);
    index->file = file;
    index->seen = file.identity;
    index->state = OPEN;
    index->told_passing = false;
    return true;
}

static void refresh(struct index *index)
{
    struct identity now = identity_under(index->name);
    struct why bad, why;

    if (index->state != UNTRIED && identity_same(&now, &index->seen)) {
        if (index->state == OPEN && !index->file.whole &&
            !index_file_check(&index->file, index->name, NULL, &why))
            retire(index);
        return;
    }
    bool first = index->state == UNTRIED;
    index->seen = now;
    if (take(index, &bad))
        return;
    int error = errno;
    if (first)
        index->state = CLOSED;
    if (index->state == OPEN && identity_same_file(&index->file.identity, &now))
        retire(index); /* what was open is what was found bad */
    if (index->state == OPEN)
        why_not(&why, "%s The one before serves on.", bad.text);
    else
        why = bad;
    if (!first || error != ENOENT)
        tell_unopened(index, &why, error);
}

void index_refresh(struct index *index, int64_t now_ms)
{
    if (!index || (index->refreshed && now_ms - index->refreshed_ms < REFRESH_MS))
        return;
    index->refreshed = true;
    index->refreshed_ms = now_ms;
    refresh(index);
}
