/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "status/public.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/replacement.h"

static const struct {
    const char *name;
    status_writer *write;
} files[] = {
    {"metrics.prom", status_write_metrics},
    {"index.html", status_write_page},
    {"live.html", status_write_live_page},
#ifdef HAVE_JANSSON
    {PUBLIC_JSON, status_write_json},
#endif
};

static int open_folder(int directory)
{
    if (mkdirat(directory, PUBLIC_FOLDER, 0755) == 0)
        fchmodat(directory, PUBLIC_FOLDER, 0755, 0); /* whatever the umask */
    else if (errno != EEXIST)
        return -1;
    return openat(directory, PUBLIC_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool write_file(const struct status *status, int folder, size_t i)
{
    struct replacement new;

    if (!replacement_begin(&new, folder, files[i].name, 0644))
        return false;
    files[i].write(status, new.file);
    return replacement_end(&new, false);
}

bool public_write(const struct status *status, const struct state *state, struct why *why)
{
    int folder = open_folder(state->fd);
    bool written = folder >= 0;
    const char *name = "";

    for (size_t i = 0; written && i < sizeof files / sizeof *files; i++) {
        name = files[i].name;
        written = write_file(status, folder, i);
    }
    if (!written)
        why_not(why, "The file %s/" PUBLIC_FOLDER "/%s cannot be written: %s.", state->name, name,
                strerror(errno));
    if (folder >= 0)
        close(folder);
    return written;
}
