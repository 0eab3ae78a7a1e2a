/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "core/replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/plain_file.h"

enum { NAMES = 4 /* that are tried */ };

/* The first name is always the same, so that nothing gathers; the others nobody can guess. */
static bool choose_name(struct replacement *r, int turn)
{
    const int size = sizeof r->new_name;
    unsigned chance = 0;

    if (turn > 0)
        (void)!getrandom(&chance, sizeof chance, 0);
    if (snprintf(r->new_name, sizeof r->new_name, turn ? ".%s.%08x" : ".%s.new", r->name, chance) <
        size)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

int replacement_make(struct replacement *replacement, int directory, const char *name, mode_t mode)
{
    struct replacement *r = replacement;
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, fd = -1;

    *r = (struct replacement){.directory = directory, .name = name};
    for (int turn = 0; turn < NAMES && fd < 0; turn++) {
        if (!choose_name(r, turn))
            return -1;
        unlinkat(directory, r->new_name, 0);
        fd = openat(directory, r->new_name, flags, mode);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    if (fd >= 0)
        plain_file_give(directory, fd);
    if (fd < 0 || fchmod(fd, mode) == 0) /* whatever the umask */
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    replacement_drop(r);
    return -1;
}

bool replacement_put(const struct replacement *replacement)
{
    const struct replacement *r = replacement;

    if (renameat(r->directory, r->new_name, r->directory, r->name) == 0)
        return true;
    replacement_drop(r);
    return false;
}

void replacement_drop(const struct replacement *replacement)
{
    int error = errno;

    unlinkat(replacement->directory, replacement->new_name, 0);
    errno = error;
}

/* For the stream, which does not remember why a write failed. */
static ssize_t write_all(void *context, const char *bytes, size_t len)
{
    struct replacement *r = context;

    for (size_t done = 0; done < len && !r->error;) {
        ssize_t n = write(r->fd, bytes + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            r->error = n == 0 ? EIO : errno;
    }
    return r->error ? 0 : (ssize_t)len;
}

bool replacement_begin(struct replacement *replacement, int directory, const char *name,
                       mode_t mode)
{
    struct replacement *r = replacement;
    int fd = replacement_make(r, directory, name, mode);

    if (fd < 0)
        return false;
    r->fd = fd;
    r->file = fopencookie(r, "w", (cookie_io_functions_t){.write = write_all});
    if (r->file)
        return true;
    replacement_drop(r);
    close(fd);
    errno = ENOMEM;
    return false;
}

/* Closes the new file. Returns whether all that was written is in it, or on the disk. */
static bool close_file(struct replacement *r, bool sync)
{
    errno = EIO;
    bool written = !ferror(r->file);
    written = fclose(r->file) == 0 && written && !r->error;
    if (!written && r->error)
        errno = r->error;
    if (written && sync)
        written = fsync(r->fd) == 0;
    int error = errno;
    if (close(r->fd) != 0 && written)
        return false;
    errno = error;
    return written;
}

bool replacement_end(struct replacement *replacement, bool sync)
{
    struct replacement *r = replacement;

    if (close_file(r, sync))
        return replacement_put(r) && (!sync || replacement_sync_names(r->directory));
    replacement_drop(r);
    return false;
}

void replacement_abandon(struct replacement *replacement)
{
    int error = errno;

    replacement_drop(replacement);
    fclose(replacement->file);
    close(replacement->fd);
    errno = error;
}

bool replacement_sync_names(int directory)
{
    return fsync(directory) == 0 || errno == EINVAL; /* some file systems cannot */
}
