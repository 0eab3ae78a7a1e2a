/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "index_file.h"
#include "lock.h"
#include "ranges/save.h"

enum { WAITS_MAX = 30 };

/* Waits for others for as long as they get on. */
static int wait_for_lock(int directory, const char *folder, const char *lock, const char *name,
                         struct why *why)
{
    struct identity before, now = identity_under(name);
    int fd, tries = 0;

    do {
        before = now;
        fd = lock_take(directory, folder, lock, LOCK_PATIENCE_MS, why);
        if (fd >= 0 || errno != EWOULDBLOCK)
            return fd;
        now = identity_under(name);
    } while (!identity_same(&before, &now) && ++tries < WAITS_MAX);
    return -1;
}

/*
 * The lock of an index is a file beside it, since the index itself can be read, and so
 * locked, by all.
 */
struct index_lock {
    char folder[PATH_MAX], name[NAME_MAX + 1];
    int directory, fd;
};

static bool name_lock(struct index_lock *lock, const char *index)
{
    const char *slash = strrchr(index, '/'), *base = slash ? slash + 1 : index;
    int len = slash == index ? 1 : slash ? (int)(slash - index) : 0;

    return snprintf(lock->folder, sizeof lock->folder, "%.*s", len ? len : 1, len ? index : ".") <
               (int)sizeof lock->folder &&
           snprintf(lock->name, sizeof lock->name, ".%s.lock", base) < (int)sizeof lock->name;
}

static bool take_lock(struct index_lock *lock, const char *index, struct why *why)
{
    if (!name_lock(lock, index))
        return why_not(why, "The name %.80s… is too long.", index);
    lock->directory = open(lock->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock->directory < 0)
        return why_not(why, "%s cannot be written: %s.", index, strerror(errno));
    lock->fd = wait_for_lock(lock->directory, lock->folder, lock->name, index, why);
    if (lock->fd >= 0)
        return true;
    close(lock->directory);
    return false;
}

static void release_lock(const struct index_lock *lock)
{
    lock_release(lock->directory, lock->name, lock->fd);
    close(lock->directory);
}

/* An empty index, if there is none. */
static bool make_if_missing(const char *name, struct why *why)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);

    if (fd < 0)
        return why_not(why, "%s cannot be written: %s.", name, strerror(errno));
    close(fd);
    return true;
}

/* The first line of what is left of a file that has been checked; empty at its end. */
static struct slice first_line(struct slice left)
{
    const char *end = left.len ? memchr(left.at, '\n', left.len) : NULL;
    return slice_to(left, end ? (size_t)(end - left.at) : 0);
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Writes the lines of the old file and the new ones, in order. */
static void write_merged(FILE *out, const struct index_file *old, char *const *lines, size_t count,
                         struct index_merged *merged)
{
    struct slice left = {old->at, old->size};
    size_t next = 0;

    *merged = (struct index_merged){0};
    while (left.len || next < count) {
        struct slice line = first_line(left), added = slice_of(next < count ? lines[next] : NULL);
        int order = !left.len ? 1 : next == count ? -1 : compare(line, added);
        if (order > 0) {
            line = added;
            merged->added++;
        } else {
            left = slice_from(left, line.len + 1);
        }
        next += order >= 0;
        fwrite(line.at, 1, line.len, out);
        putc('\n', out);
        merged->all += line.at[0] != '#';
    }
}

static bool replace(const char *name, const struct index_file *old, char *const *lines,
                    size_t count, struct index_merged *merged, struct why *why)
{
    struct range_error error;
    struct save save;

    if (!save_open(&save, name, &error))
        return why_not(why, "%s", error.text);
    write_merged(save.file, old, lines, count, merged);
    return save_commit(&save, NULL, &error) || why_not(why, "%s", error.text);
}

bool index_merge(const char *name, char *const *lines, size_t count, struct index_merged *merged,
                 struct why *why)
{
    struct index_lock lock;
    struct index_file old;

    if (!take_lock(&lock, name, why))
        return false;
    bool good = make_if_missing(name, why) && index_file_open(&old, name, why);
    if (good) {
        good = index_file_check(&old, name, NULL, why) &&
               replace(name, &old, lines, count, merged, why);
        index_file_close(&old);
    }
    release_lock(&lock);
    return good;
}

void index_merge_print(const char *name, const struct index_merged *merged)
{
    printf("%s: %zu line%s added, %zu in all.\n", name, merged->added,
           merged->added == 1 ? "" : "s", merged->all);
}
