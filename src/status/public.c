/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "status/public.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *new_name;
    status_writer *write;
} files[] = {
    {"metrics.prom", ".metrics.prom.new", status_write_metrics},
    {"index.html", ".index.html.new", status_write_page},
    {"live.html", ".live.html.new", status_write_live_page},
#ifdef HAVE_JANSSON
    {PUBLIC_JSON, "." PUBLIC_JSON ".new", status_write_json},
#endif
};

static int open_folder(int directory)
{
    if (mkdirat(directory, PUBLIC_FOLDER, 0755) == 0)
        fchmodat(directory, PUBLIC_FOLDER, 0755, 0); /* whatever the umask */
    return openat(directory, PUBLIC_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static FILE *create(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *file = fd >= 0 && fchmod(fd, 0644) == 0 ? fdopen(fd, "w") : NULL;

    if (!file && fd >= 0)
        close(fd);
    return file;
}

static bool write_file(const struct status *status, int folder, size_t i)
{
    FILE *file = create(folder, files[i].new_name);

    if (!file)
        return false;
    files[i].write(status, file);
    bool written = !ferror(file);
    written = fclose(file) == 0 && written;
    return written && renameat(folder, files[i].new_name, folder, files[i].name) == 0;
}

bool public_write(const struct status *status, int directory, struct why *why)
{
    int folder = open_folder(directory);
    bool written = folder >= 0;
    const char *name = "";

    for (size_t i = 0; written && i < sizeof files / sizeof *files; i++) {
        name = files[i].name;
        written = write_file(status, folder, i);
    }
    if (!written)
        why_not(why,
                "The file \"" PUBLIC_FOLDER "/%s\" cannot be written in the state directory: %s.",
                name, strerror(errno));
    if (folder >= 0)
        close(folder);
    return written;
}
