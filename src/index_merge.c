/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>
#include "index_file.h"
#include "ranges/save.h"

enum { LOCK_TRIES_MAX = 1000 };

/* Locks an open file; tells whether it still is the one under its name. */
static bool lock(int fd, const char *name, bool *current, struct why *why)
{
    struct stat status;

    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return why_not(why, "%s cannot be locked: %s.", name, strerror(errno));
    if (fstat(fd, &status) != 0)
        return why_not(why, "%s cannot be read: %s.", name, strerror(errno));
    struct identity locked = identity_of(&status), there = identity_under(name);
    *current = identity_same_file(&locked, &there);
    return true;
}

/*
 * Opens the index itself and locks it, so that nothing else has to lie about; an
 * empty one is made if there is none. Who had to wait finds another file under
 * the name then, and tries that. Returns the descriptor, -1 with the reason.
 */
static int open_locked(const char *name, struct why *why)
{
    for (int tries = 0; tries < LOCK_TRIES_MAX; tries++) {
        bool current = false;
        int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
        if (fd < 0) {
            why_not(why, "%s cannot be written: %s.", name, strerror(errno));
            return -1;
        }
        if (!lock(fd, name, &current, why)) {
            close(fd);
            return -1;
        }
        if (current)
            return fd;
        close(fd);
    }
    why_not(why, "%s cannot be locked: it is replaced again and again.", name);
    return -1;
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

/* Writes the lines of the old file and the new digests, in order. */
static void write_merged(FILE *out, const struct index_file *old, char *const *digests,
                         size_t count, struct index_merged *merged)
{
    struct slice left = {old->at, old->size};
    size_t next = 0;

    *merged = (struct index_merged){0};
    while (left.len || next < count) {
        struct slice line = first_line(left),
                     digest = slice_of(next < count ? digests[next] : NULL);
        int order = !left.len ? 1 : next == count ? -1 : compare(line, digest);
        if (order > 0) {
            line = digest;
            merged->added++;
        } else {
            left = slice_from(left, line.len + 1);
        }
        next += order >= 0;
        fwrite(line.at, 1, line.len, out);
        putc('\n', out);
        merged->all++;
    }
}

static bool replace(const char *name, const struct index_file *old, char *const *digests,
                    size_t count, struct index_merged *merged, struct why *why)
{
    struct range_error error;
    struct save save;

    if (!save_open(&save, name, &error))
        return why_not(why, "%s", error.text);
    write_merged(save.file, old, digests, count, merged);
    return save_commit(&save, NULL, &error) || why_not(why, "%s", error.text);
}

bool index_merge(const char *name, char *const *digests, size_t count, struct index_merged *merged,
                 struct why *why)
{
    int fd = open_locked(name, why);
    struct index_file old;

    if (fd < 0)
        return false;
    bool good = index_file_open(&old, name, why);
    if (good) {
        good = index_file_check(&old, name, NULL, why) &&
               replace(name, &old, digests, count, merged, why);
        index_file_close(&old);
    }
    close(fd);
    return good;
}
