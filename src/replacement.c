/* SPDX-License-Identifier: Apache-2.0 */
#include "replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool replacement_begin(struct replacement *replacement, int directory, const char *name,
                       bool for_all)
{
    struct replacement *r = replacement;

    *r = (struct replacement){.directory = directory, .name = name};
    snprintf(r->new_name, sizeof r->new_name, ".%s.new", name);
    int fd =
        openat(directory, r->new_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0 && (!for_all || fchmod(fd, 0644) == 0))
        r->file = fdopen(fd, "w");
    if (!r->file && fd >= 0)
        close(fd);
    return r->file;
}

bool replacement_end(struct replacement *replacement, bool sync)
{
    struct replacement *r = replacement;
    bool written = fflush(r->file) == 0 && !ferror(r->file);

    if (written && sync)
        written = fsync(fileno(r->file)) == 0;
    written = fclose(r->file) == 0 && written;
    return written && renameat(r->directory, r->new_name, r->directory, r->name) == 0;
}
