/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/index_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/lock.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "registry/digest.h"
#include "state/index_file.h"

static const char lock_name[] = ".lock";

bool index_folder_cannot_write(const struct index_folder *folder, struct why *why)
{
    return why_not(why, "The folder %s cannot be written: %s.", folder->path, strerror(errno));
}

bool index_folder_cannot_read(const struct index_folder *folder, struct why *why)
{
    return why_not(why, "%s/" INDEX_FETCHED_LIST " cannot be read: %s. Nothing there is changed.",
                   folder->path, plain_file_error(errno));
}

/* ---- the folder ---- */

/* Whatever the umask; a group's folder hands on its group by itself. */
static int make_folder(const struct state *state, int directory, const char *name)
{
    mode_t mask = umask(0);
    bool made = mkdirat(directory, name, state->for_group ? 0770 : 0755) == 0;
    bool is_there = made || errno == EEXIST;

    umask(mask);
    if (!is_there || (made && !replacement_sync_names(directory)))
        return -1;
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made && fd >= 0)
        plain_file_give(state->fd, fd);
    return fd;
}

bool index_folder_open(struct index_folder *folder, const struct state *state,
                       const struct index_source *source, struct why *why)
{
    char name[INDEX_SOURCE_FOLDER_SIZE];
    int all = make_folder(state, state->fd, INDEX_FOLDER);

    index_source_folder(source, name);
    snprintf(folder->path, sizeof folder->path, "%s/%s", state->name, name);
    folder->fd = all < 0 ? -1 : make_folder(state, all, source->id);
    folder->lock = -1;
    if (folder->fd < 0)
        why_not(why, "The folder %s cannot be used: %s.", folder->path, strerror(errno));
    else
        folder->lock = lock_take(folder->fd, folder->path, lock_name, LOCK_PATIENCE_MS, why);
    if (all >= 0)
        close(all);
    if (folder->lock >= 0)
        return true;
    index_folder_close(folder);
    return false;
}

void index_folder_close(struct index_folder *folder)
{
    if (folder->lock >= 0)
        lock_release(folder->fd, lock_name, folder->lock);
    if (folder->fd >= 0)
        close(folder->fd);
}

/* ---- the list ---- */

bool index_held_take(struct index_held *held, struct slice text, const char *name, struct why *why)
{
    held->text = malloc(text.len + 1);
    if (!held->text)
        return why_not(why, "There is not enough memory.");
    if (text.len) /* else there may be no bytes at all */
        memcpy(held->text, text.at, text.len);
    if (index_list_parse(&held->list, (struct slice){held->text, text.len}, name, why))
        return true;
    index_held_drop(held);
    errno = 0;
    return false;
}

void index_held_drop(struct index_held *held)
{
    free(held->text);
    held->text = NULL;
}

bool index_folder_read(int folder, struct index_held *held)
{
    held->text = malloc(INDEX_LIST_MAX);
    if (!held->text)
        return false;
    if (index_list_read(&held->list, folder, INDEX_FETCHED_LIST, held->text, NULL))
        return true;
    int error = errno;
    index_held_drop(held);
    errno = error;
    return error == 0 || error == ENOENT;
}

bool index_folder_switch(const struct index_folder *folder, const struct index_list *list,
                         struct why *why)
{
    struct replacement new;

    /* The files' names must outlive a power loss before the list does. */
    bool begun = replacement_sync_names(folder->fd) &&
                 replacement_begin(&new, folder->fd, INDEX_FETCHED_LIST, 0644);
    if (begun)
        index_list_write(list->body, list->signature, new.file);
    return (begun && replacement_end(&new, true)) || index_folder_cannot_write(folder, why);
}

/* ---- files ---- */

static bool has_digest(int fd, struct slice digest)
{
    struct digest_hash *hash = digest_hash_start(digest);
    char buffer[1 << 14];
    ssize_t len;

    while ((len = plain_file_read(fd, buffer, sizeof buffer)) > 0)
        digest_hash_add(hash, (struct slice){buffer, (size_t)len});
    return digest_hash_end(hash, digest) == DIGEST_RIGHT && len == 0;
}

bool index_folder_has(int folder, const struct index_list_file *file)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct stat status;

    index_list_file_name(file->digest, name);
    int fd = plain_file_open(folder, name, O_NOFOLLOW, (off_t)file->size, &status);
    bool good = fd >= 0 && (uint64_t)status.st_size == file->size && has_digest(fd, file->digest);
    if (fd >= 0)
        close(fd);
    return good;
}

bool index_folder_has_all(int folder, const struct index_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!index_folder_has(folder, &list->file[i]))
            return false;
    return true;
}

bool index_folder_count(int folder, const struct index_list_file *file, const char *shown,
                        uint64_t *lines, struct why *why)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct index_counts counts = {0};
    struct index_file open;

    index_list_file_name(file->digest, name);
    if (!index_file_open_in(&open, folder, name, why))
        return false;
    bool good = index_file_check(&open, shown, &counts, why);
    index_file_close(&open);
    errno = 0;
    *lines += counts.all;
    return good;
}

/* ---- what is no longer needed ---- */

/* Calls a function for each name in a directory but "." and "..". */
static void each_name(int directory, void (*call)(void *context, int directory, const char *name),
                      void *context)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            call(context, directory, entry->d_name);
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
}

static void remove_unnamed(void *context, int directory, const char *name)
{
    const struct index_held *held = context;
    struct slice s = slice_of(name);
    char file[INDEX_FILE_NAME_SIZE];

    for (size_t i = 0; held->text && i < held->list.count; i++) {
        index_list_file_name(held->list.file[i].digest, file);
        if (strcmp(file, name) == 0)
            return;
    }
    if (slice_starts(s, SLICE("sha256-")) || (s.at[0] == '.' && slice_ends(s, SLICE(".new"))))
        unlinkat(directory, name, 0);
}

void index_folder_clean(int folder)
{
    struct index_held held;

    if (!index_folder_read(folder, &held))
        return;
    each_name(folder, remove_unnamed, &held);
    index_held_drop(&held);
}

static void remove_file(void *context, int directory, const char *name)
{
    (void)context;
    unlinkat(directory, name, 0);
}

struct sources {
    const struct index_source *source;
    size_t count;
};

static void remove_folder(void *context, int directory, const char *name)
{
    const struct sources *sources = context;

    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->source[i].id, name) == 0)
            return;
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        unlinkat(directory, name, 0);
        return;
    }
    each_name(fd, remove_file, NULL);
    close(fd);
    unlinkat(directory, name, AT_REMOVEDIR);
}

void index_folder_clean_all(const struct state *state, const struct index_source *sources,
                            size_t count)
{
    struct sources all = {sources, count};
    int fd = openat(state->fd, INDEX_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0) {
        each_name(fd, remove_folder, &all);
        close(fd);
    }
}
