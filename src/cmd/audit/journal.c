/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/progress.h"
#include "core/lock.h"

/* Where the record of a repository is. */
struct entry {
    char *repository;
    off_t at;
    bool unread; /* a registry could not be read */
};

struct journal {
    FILE *file;
    char *path;         /* NULL: it has no name */
    struct entry *list; /* sorted by name */
    size_t count, room;
    char *line; /* the last that was read */
    size_t line_room;
};

/* ---- what is in it ---- */

static size_t search(const struct journal *journal, const char *repository, bool *found)
{
    size_t low = 0, high = journal->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(journal->list[middle].repository, repository);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static bool note(struct journal *journal, const char *repository, off_t at, bool unread)
{
    bool found;
    size_t place = search(journal, repository, &found);
    struct entry *entry = journal->list + place;

    if (!found) {
        if (journal->count == journal->room) {
            size_t room = journal->room ? 2 * journal->room : 64;
            struct entry *list = realloc(journal->list, room * sizeof *list);
            if (!list)
                return false;
            journal->list = list;
            journal->room = room;
        }
        char *copy = strdup(repository);
        if (!copy)
            return false;
        entry = journal->list + place;
        memmove(entry + 1, entry, (journal->count - place) * sizeof *entry);
        journal->count++;
        entry->repository = copy;
    }
    entry->at = at;
    entry->unread = unread;
    return true;
}

/* Whether all that a list or an object holds is text; so is what is not there. */
static bool is_all_text(json_t *json)
{
    const char *key;
    json_t *entry;
    size_t i;

    json_array_foreach(json, i, entry) if (!json_is_string(entry)) return false;
    json_object_foreach(json, key, entry) if (!json_is_string(entry)) return false;
    return !json || json_is_array(json) || json_is_object(json);
}

/* Whether a finding is one that can be reported. */
static bool is_finding(const json_t *finding)
{
    static const char *const texts[] = {"finding", "kind", "tag", "digest", "subject"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *text = json_object_get(finding, texts[i]);
        if (text ? !json_is_string(text) : i == 0)
            return false;
    }
    return is_all_text(json_object_get(finding, "at"));
}

/* A record's repository, NULL if it is none; and whether a registry could not be read. */
static const char *repository_of(const json_t *record, size_t registries, bool *unread)
{
    const json_t *list = json_object_get(record, "registries"), *entry;
    const json_t *findings = json_object_get(record, "findings");
    size_t i;

    *unread = false;
    json_array_foreach(list, i, entry) *unread |= json_object_get(entry, "unread") != NULL;
    json_array_foreach(findings, i, entry) if (!is_finding(entry)) return NULL;
    if (json_array_size(list) != registries || !json_is_array(findings))
        return NULL;
    return json_string_value(json_object_get(record, "repository"));
}

/* ---- reading ---- */

/* The line at a place; NULL if none is there, or none that is whole. */
static json_t *read_line(struct journal *journal, off_t at, off_t *next)
{
    if (fseeko(journal->file, at, SEEK_SET) != 0)
        return NULL;
    ssize_t len = getline(&journal->line, &journal->line_room, journal->file);
    if (len <= 0 || len > JOURNAL_LINE_MAX || journal->line[len - 1] != '\n')
        return NULL;
    *next = at + len;
    return json_loadb(journal->line, (size_t)len, 0, NULL);
}

/* Reads all records there are, and cuts off what is none. */
static bool read_records(struct journal *journal, off_t at, size_t registries, struct why *why)
{
    bool unread, good = true;

    for (off_t next = at; good; at = next) {
        json_t *record = read_line(journal, at, &next);
        const char *repository = repository_of(record, registries, &unread);
        if (!repository) {
            json_decref(record);
            break;
        }
        good = note(journal, repository, at, unread) ||
               why_not(why, "There is not enough memory for the records in %s.", journal->path);
        json_decref(record);
    }
    if (good && ftruncate(fileno(journal->file), at) != 0)
        return why_not(why, "%s cannot be written: %s.", journal->path, strerror(errno));
    return good;
}

/* ---- its first line ---- */

static json_t *heading(const struct registries *registries, bool contents)
{
    json_t *places = json_array();

    for (size_t i = 0; i < registries->count; i++) {
        const struct registry *registry = &registries->list[i];
        json_array_append_new(
            places, json_sprintf("%s %s/%s", registry->name, registry->url, registry->prefix));
    }
    return json_pack("{s:i,s:o,s:b}", "signpost-audit", JOURNAL_VERSION, "registries", places,
                     "contents", contents);
}

static const char *name_of(const struct journal *journal)
{
    return journal->path ? journal->path : "The temporary file";
}

static bool put(struct journal *journal, const json_t *json, off_t *at, struct why *why)
{
    FILE *file = journal->file;

    if (fseeko(file, 0, SEEK_END) == 0 && (*at = ftello(file)) >= 0 &&
        json_dumpf(json, file, JSON_COMPACT) == 0 && putc('\n', file) != EOF && fflush(file) == 0)
        return true;
    return why_not(why, "%.160s cannot be written: %s.", name_of(journal), strerror(errno));
}

static bool check_heading(struct journal *journal, const json_t *wanted, off_t *next,
                          struct why *why)
{
    json_t *found = read_line(journal, 0, next);
    const json_t *version = json_object_get(found, "signpost-audit");
    bool good = json_equal(found, wanted);

    if (!version)
        why_not(why, "%s is no file of `signpost audit`: name another one for --resume.",
                journal->path);
    else if (!good && json_integer_value(version) != JOURNAL_VERSION)
        why_not(why, "%s was written by another version of signpost: remove it to start anew.",
                journal->path);
    else if (!good)
        why_not(why,
                "%s is of an audit of other registries, or with another --index: remove it to "
                "start anew, or name another one for --resume.",
                journal->path);
    json_decref(found);
    return good;
}

/* Whether the file is yet to be begun. One of which not even the first line is whole is. */
static bool is_new(const struct journal *journal, const json_t *wanted)
{
    char *first_line = json_dumps(wanted, JSON_COMPACT);
    bool torn = first_line && progress_is_torn(journal->file, first_line);

    free(first_line);
    return torn;
}

/* Reads the file if something is in it, or begins it. */
static bool begin(struct journal *journal, const struct registries *registries, bool contents,
                  struct why *why)
{
    json_t *wanted = heading(registries, contents);
    off_t at = 0;
    bool good = wanted != NULL;

    if (!good)
        why_not(why, "There is not enough memory.");
    else if (!is_new(journal, wanted))
        good = check_heading(journal, wanted, &at, why) &&
               read_records(journal, at, registries->count, why);
    else if (ftruncate(fileno(journal->file), 0) != 0)
        good = why_not(why, "%s cannot be written: %s.", name_of(journal), strerror(errno));
    else
        good = put(journal, wanted, &at, why);
    json_decref(wanted);
    return good;
}

/* ---- opening and closing ---- */

static FILE *open_file(const char *path, struct why *why)
{
    int fd = lock_own_file(path, why);
    FILE *file = fd >= 0 ? fdopen(fd, "r+") : NULL;

    if (!file && fd >= 0) {
        why_not(why, "%s cannot be opened: %s.", path, strerror(errno));
        close(fd);
    }
    return file;
}

static FILE *open_temporary(struct why *why)
{
    FILE *file = tmpfile();

    if (!file)
        why_not(why, "A temporary file cannot be made: %s.", strerror(errno));
    return file;
}

struct journal *journal_open(const char *path, const struct registries *registries, bool contents,
                             struct why *why)
{
    struct journal *journal = calloc(1, sizeof *journal);

    if (!journal)
        return NULL;
    journal->path = path ? strdup(path) : NULL;
    journal->file = path ? open_file(path, why) : open_temporary(why);
    if (journal->file && begin(journal, registries, contents, why))
        return journal;
    journal_close(journal, false, NULL);
    return NULL;
}

bool journal_close(struct journal *journal, bool remove, struct why *why)
{
    if (!journal)
        return true;
    bool removed = !remove || !journal->path || unlink(journal->path) == 0;
    if (!removed)
        why_not(why, "%.160s cannot be removed: %s. Remove it, or the next audit goes by it.",
                journal->path, strerror(errno));
    for (size_t i = 0; i < journal->count; i++)
        free(journal->list[i].repository);
    if (journal->file)
        fclose(journal->file);
    free(journal->list);
    free(journal->line);
    free(journal->path);
    free(journal);
    return removed;
}

/* ---- using it ---- */

bool journal_has(const struct journal *journal, const char *repository)
{
    bool found;
    size_t place = search(journal, repository, &found);

    return found && !journal->list[place].unread;
}

bool journal_add(struct journal *journal, const json_t *record, struct why *why)
{
    size_t registries = json_array_size(json_object_get(record, "registries"));
    bool unread;
    const char *repository = repository_of(record, registries, &unread);
    off_t at = 0;

    if (!repository)
        return why_not(why, "A record for the journal lacks its repository.");
    return put(journal, record, &at, why) &&
           (note(journal, repository, at, unread) || why_not(why, "There is not enough memory."));
}

bool journal_each(struct journal *journal, bool (*take)(void *context, const json_t *record),
                  void *context, struct why *why)
{
    for (size_t i = 0; i < journal->count; i++) {
        off_t next;
        json_t *record = read_line(journal, journal->list[i].at, &next);
        if (!record)
            return why_not(why, "%.160s cannot be read again: somebody else has changed it.",
                           name_of(journal));
        bool goes_on = take(context, record);
        json_decref(record);
        if (!goes_on)
            return false;
    }
    return true;
}

size_t journal_count(const struct journal *journal, size_t *unread)
{
    *unread = 0;
    for (size_t i = 0; i < journal->count; i++)
        *unread += journal->list[i].unread;
    return journal->count;
}
