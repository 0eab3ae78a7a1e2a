/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/identity.h"
#include "core/lock.h"
#include "core/plain_file.h"
#include "ranges/save.h"

enum { WAITS_MAX = 30 };

/* The length of the folder's part of a path, with its slash. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* What umask leaves for a new file; an old one's mode is kept. */
static mode_t mode_for(const char *path)
{
    struct stat old;
    if (stat(path, &old) == 0 && S_ISREG(old.st_mode))
        return old.st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static bool fail(const struct save *save, struct range_error *error)
{
    return range_fail(error, "%s cannot be written: %s.", save->path, strerror(errno));
}

/* Waits for others for as long as they get on. */
static int wait_for_lock(const struct save *save, int directory, const char *folder,
                         struct range_error *error)
{
    struct identity before, now = identity_under(save->path);
    struct why why;
    int fd, tries = 0, failure;

    do {
        before = now;
        fd = lock_take(directory, folder, save->lock_name, LOCK_PATIENCE_MS, &why);
        if (fd >= 0)
            return fd;
        failure = errno;
        now = identity_under(save->path);
    } while (failure == EWOULDBLOCK && !identity_same(&before, &now) && ++tries < WAITS_MAX);
    range_fail(error, "%s cannot be written: %s", save->path, why.text);
    return -1;
}

/*
 * The lock is a file beside it, since the file itself can be read, and so locked, by all.
 * Returns the open folder, -1 with the error.
 */
static int take_lock(struct save *save, const char *folder, struct range_error *error)
{
    const char *name = save->path + folder_length(save->path);
    int directory = -1;
    if (snprintf(save->lock_name, sizeof save->lock_name, ".%s.lock", name) >=
        (int)sizeof save->lock_name)
        errno = ENAMETOOLONG;
    else
        directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        fail(save, error);
        return -1;
    }
    save->lock = wait_for_lock(save, directory, folder, error);
    if (save->lock >= 0)
        return directory;
    close(directory);
    return -1;
}

static void release_lock(const struct save *save, int directory)
{
    lock_release(directory, save->lock_name, save->lock);
    close(directory);
}

bool save_open(struct save *save, const char *path, struct range_error *error)
{
    *save = (struct save){.path = path};
    struct stat old;
    if (stat(path, &old) == 0 && !S_ISREG(old.st_mode))
        return range_fail(error, "%s is not a regular file; give another name to write to.", path);
    char *folder = folder_length(path) ? strndup(path, folder_length(path)) : strdup(".");
    if (!folder)
        return range_fail(error, "There is not enough memory to write %s.", path);
    int directory = take_lock(save, folder, error);
    free(folder);
    if (directory < 0)
        return false;
    if (replacement_begin(&save->new, directory, path + folder_length(path), mode_for(path))) {
        save->file = save->new.file;
        return true;
    }
    fail(save, error);
    release_lock(save, directory);
    return false;
}

void save_abandon(struct save *save)
{
    replacement_abandon(&save->new);
    release_lock(save, save->new.directory);
}

static bool same_bytes(int new, FILE *old)
{
    char from_new[1 << 14], from_old[1 << 14];
    ssize_t len;
    off_t at = 0;
    do {
        len = pread(new, from_new, sizeof from_new, at);
        if (len < 0 || fread(from_old, 1, sizeof from_old, old) != (size_t)len ||
            memcmp(from_new, from_old, (size_t)len) != 0)
            return false;
        at += len;
    } while (len == sizeof from_new);
    return !ferror(old);
}

static bool is_unchanged(const struct save *save)
{
    FILE *old = fflush(save->file) == 0 ? plain_file_stream(save->path) : NULL;
    if (!old)
        return false;
    bool same = same_bytes(save->new.fd, old);
    fclose(old);
    return same;
}

bool save_commit(struct save *save, bool *same, struct range_error *error)
{
    struct replacement *new = &save->new;
    bool unchanged = is_unchanged(save), done;
    if (same)
        *same = unchanged;
    if (unchanged)
        replacement_abandon(new);
    done = unchanged ? replacement_sync_names(new->directory) : replacement_end(new, true);
    if (!done)
        fail(save, error);
    release_lock(save, new->directory);
    return done;
}
