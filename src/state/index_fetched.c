/* SPDX-License-Identifier: Apache-2.0 */
#include "state/index_fetched.h"

#include <errno.h>
#include <stdlib.h>
#include "core/mapped.h"
#include "core/plain_file.h"

enum {
    TRIES = 3, /* a list may be replaced, and its files removed, between two looks */
    PATH_SIZE = INDEX_SOURCE_FOLDER_SIZE + INDEX_FILE_NAME_SIZE
};

struct part {
    char name[INDEX_FILE_NAME_SIZE];
    bool is_open;
    struct index_file file;
};

struct parts {
    size_t count;
    struct part part[INDEX_LIST_FILES];
};

struct index_fetched {
    char folder[INDEX_SOURCE_FOLDER_SIZE]; /* of the source, in the state directory */
    struct slice registry;
    index_log *log;
    void *log_context;
    bool has_looked, told_passing;
    struct identity seen; /* the list that was last taken or refused */
    char path[PATH_SIZE]; /* of the list there */
    struct parts now;
};

struct index_fetched *index_fetched_new(const struct index_source *source, struct slice registry,
                                        index_log *log, void *log_context)
{
    struct index_fetched *fetched = calloc(1, sizeof *fetched);

    if (!fetched)
        return NULL;
    fetched->registry = registry;
    fetched->log = log;
    fetched->log_context = log_context;
    index_source_folder(source, fetched->folder);
    snprintf(fetched->path, sizeof fetched->path, "%s/%s", fetched->folder, INDEX_FETCHED_LIST);
    return fetched;
}

static void close_parts(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->part[i].is_open)
            index_file_close(&parts->part[i].file);
    parts->count = 0;
}

void index_fetched_free(struct index_fetched *fetched)
{
    if (fetched)
        close_parts(&fetched->now);
    free(fetched);
}

static void tell(const struct index_fetched *fetched, const char *text)
{
    if (fetched->log)
        fetched->log(fetched->log_context, text);
}

/* ---- taking a list ---- */

/* A file that is open already is taken over: its content is that of its name. */
static bool take_over(struct parts *now, struct part *new)
{
    for (size_t i = 0; i < now->count; i++) {
        struct part *old = &now->part[i];
        if (old->is_open && strcmp(old->name, new->name) == 0) {
            *new = *old;
            return true;
        }
    }
    return false;
}

static bool open_part(const struct index_fetched *fetched, struct part *part, int directory,
                      uint64_t size, struct why *why)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/%s", fetched->folder, part->name);
    if (!index_file_open_in(&part->file, directory, path, why))
        return false;
    if (part->file.size == size) {
        part->is_open = true;
        return true;
    }
    index_file_close(&part->file);
    errno = 0;
    return why_not(why, "%s has not the size that its list says.", path);
}

/* Closes those of some parts that others have not taken over. */
static void close_others(struct parts *parts, const struct parts *others)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->part[i];
        for (size_t k = 0; k < others->count && part->is_open; k++)
            if (others->part[k].is_open && others->part[k].file.at == part->file.at &&
                others->part[k].file.map == part->file.map)
                part->is_open = false;
    }
    close_parts(parts);
}

static bool open_parts(struct index_fetched *fetched, const struct index_list *list, int directory,
                       struct why *why)
{
    struct parts *new = calloc(1, sizeof *new);
    bool good = new;

    if (!new)
        why_not(why, "There is not enough memory for the index.");
    for (size_t i = 0; good && i < list->count; i++) {
        struct part *part = &new->part[new->count++];
        index_list_file_name(list->file[i].digest, part->name);
        good = take_over(&fetched->now, part) ||
               open_part(fetched, part, directory, list->file[i].size, why);
    }
    int error = errno;
    if (good) {
        close_others(&fetched->now, new);
        fetched->now = *new;
    } else if (new) {
        close_others(new, &fetched->now);
    }
    free(new);
    errno = error;
    return good;
}

/* False with the reason and errno. */
static bool take(struct index_fetched *fetched, int directory, struct why *why)
{
    struct index_list list;
    char *text = malloc(INDEX_LIST_MAX);
    bool good = text && index_list_read(&list, directory, fetched->path, text, why);

    if (!text)
        why_not(why, "There is not enough memory for the index.");
    if (good && !slice_equal_nocase(list.registry, fetched->registry)) {
        errno = 0;
        good = why_not(why, "%s is the index of %.*s.", fetched->path, (int)list.registry.len,
                       list.registry.at);
    }
    good = good && open_parts(fetched, &list, directory, why);
    int error = errno;
    free(text);
    errno = error;
    return good;
}

/* That nothing was fetched so far is nothing to tell. */
static void tell_untaken(struct index_fetched *fetched, const struct why *why, int error)
{
    bool passes = plain_file_may_open_later(error);
    struct why whole;

    if (passes)
        fetched->seen = (struct identity){0};
    if (passes && fetched->told_passing)
        return;
    fetched->told_passing = passes;
    if (error == ENOENT && fetched->now.count == 0)
        return;
    why_not(&whole, "%s%s", why->text,
            fetched->now.count ? " The index that was fetched before serves on." : "");
    tell(fetched, whole.text);
}

void index_fetched_look(struct index_fetched *fetched, int directory)
{
    struct identity now = {0};
    struct why why;

    if (directory >= 0)
        now = identity_in(directory, fetched->path);
    if (fetched->has_looked && identity_same(&now, &fetched->seen))
        return;
    fetched->has_looked = true;
    for (int i = 0; i < TRIES; i++) {
        fetched->seen = now;
        if (directory < 0 || now.inode == 0 || take(fetched, directory, &why))
            return;
        int error = errno;
        now = identity_in(directory, fetched->path);
        if (identity_same(&now, &fetched->seen)) {
            tell_untaken(fetched, &why, error);
            return;
        }
    }
    fetched->seen = (struct identity){0}; /* the next look tries again */
}

/* ---- searching ---- */

/* It is fetched again by whoever looks after the files. */
static void retire(struct index_fetched *fetched, struct part *part)
{
    struct why why;

    why_not(&why,
            "%s/%s of the state directory is damaged, and is no longer searched; the next "
            "`signpost index pull` fetches it again.",
            fetched->folder, part->name);
    index_file_close(&part->file);
    part->is_open = false;
    tell(fetched, why.text);
}

static bool part_has(struct index_fetched *fetched, struct part *part, struct slice digest,
                     struct slice repository)
{
    if (!part->is_open)
        return false;
    enum index_outcome outcome = index_file_find(&part->file, digest, repository);
    if (outcome != INDEX_DAMAGED)
        return outcome == INDEX_PRESENT;
    retire(fetched, part);
    return false;
}

bool index_fetched_has(struct index_fetched *fetched, int directory, struct slice digest,
                       struct slice repository)
{
    if (!fetched->has_looked)
        index_fetched_look(fetched, directory);
    for (size_t i = 0; i < fetched->now.count; i++)
        if (part_has(fetched, &fetched->now.part[i], digest, repository))
            return true;
    return false;
}
