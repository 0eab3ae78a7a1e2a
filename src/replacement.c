/* SPDX-License-Identifier: Apache-2.0 */
#include "replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state.h"

enum { NAMES = 4 /* that are tried */ };

/* The first name is always the same, so that nothing gathers; the others nobody can guess. */
static void choose_name(struct replacement *r, int turn)
{
    unsigned chance = 0;

    if (turn > 0)
        (void)!getrandom(&chance, sizeof chance, 0);
    snprintf(r->new_name, sizeof r->new_name, turn ? ".%s.%08x" : ".%s.new", r->name, chance);
}

int replacement_make(struct replacement *replacement, int directory, const char *name, mode_t mode)
{
    struct replacement *r = replacement;
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, fd = -1;

    *r = (struct replacement){.directory = directory, .name = name};
    for (int turn = 0; turn < NAMES && fd < 0; turn++) {
        choose_name(r, turn);
        unlinkat(directory, r->new_name, 0);
        fd = openat(directory, r->new_name, flags, mode);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    if (fd >= 0)
        state_give(directory, fd);
    if (fd < 0 || fchmod(fd, mode) == 0) /* whatever the umask */
        return fd;
    close(fd);
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

bool replacement_begin(struct replacement *replacement, int directory, const char *name)
{
    struct replacement *r = replacement;
    int fd = replacement_make(r, directory, name, 0644);

    if (fd < 0)
        return false;
    r->file = fdopen(fd, "w");
    if (r->file)
        return true;
    replacement_drop(r);
    close(fd);
    errno = ENOMEM;
    return false;
}

bool replacement_end(struct replacement *replacement, bool sync)
{
    struct replacement *r = replacement;

    errno = 0;
    bool written = fflush(r->file) == 0 && !ferror(r->file);
    if (written && sync)
        written = fsync(fileno(r->file)) == 0;
    int error = errno ? errno : EIO; /* a stream that has failed before does not say why */
    if (fclose(r->file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written)
        return replacement_put(r);
    errno = error;
    replacement_drop(r);
    return false;
}
