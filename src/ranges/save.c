/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "plain_file.h"
#include "ranges/save.h"

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

bool save_open(struct save *save, const char *path, struct range_error *error)
{
    *save = (struct save){.path = path};
    struct stat old;
    if (stat(path, &old) == 0 && !S_ISREG(old.st_mode))
        return range_fail(error, "%s is not a regular file; give another name to write to.", path);
    if (asprintf(&save->temporary, "%.*s.%s.XXXXXX", (int)folder_length(path), path,
                 path + folder_length(path)) < 0) {
        save->temporary = NULL;
        return range_fail(error, "There is not enough memory to write %s.", path);
    }
    int fd = mkostemp(save->temporary, O_CLOEXEC);
    if (fd >= 0 && fchmod(fd, mode_for(path)) == 0 && (save->file = fdopen(fd, "w+b")))
        return true;
    range_fail(error, "%s cannot be written: no file can be made in its folder (%s).", path,
               strerror(errno));
    if (fd >= 0) {
        unlink(save->temporary);
        close(fd);
    }
    free(save->temporary);
    save->temporary = NULL;
    return false;
}

void save_abandon(struct save *save)
{
    if (save->file)
        fclose(save->file);
    if (save->temporary)
        unlink(save->temporary);
    free(save->temporary);
    *save = (struct save){0};
}

static bool same_bytes(FILE *a, FILE *b)
{
    char from_a[1 << 14], from_b[1 << 14];
    size_t len;
    rewind(a);
    do {
        len = fread(from_a, 1, sizeof from_a, a);
        if (fread(from_b, 1, sizeof from_b, b) != len || memcmp(from_a, from_b, len) != 0)
            return false;
    } while (len == sizeof from_a);
    return !ferror(a) && !ferror(b);
}

static bool is_unchanged(const struct save *save)
{
    FILE *old = plain_file_stream(save->path);
    if (!old)
        return false;
    bool same = same_bytes(save->file, old);
    fclose(old);
    return same;
}

/* The rename itself must survive a power cut. */
static bool sync_folder(const char *path)
{
    char *folder = strndup(path, folder_length(path));
    int fd = folder ? open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool done = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (fd >= 0)
        close(fd);
    free(folder);
    return done;
}

bool save_commit(struct save *save, bool *same, struct range_error *error)
{
    bool done = fflush(save->file) == 0 && !ferror(save->file);
    bool unchanged = done && is_unchanged(save);
    if (same)
        *same = unchanged;
    if (done && !unchanged) {
        done = fsync(fileno(save->file)) == 0 && rename(save->temporary, save->path) == 0;
        if (done) {
            free(save->temporary);
            save->temporary = NULL;
            done = sync_folder(save->path);
        }
    }
    if (!done)
        range_fail(error, "%s cannot be written: %s.", save->path, strerror(errno));
    save_abandon(save);
    return done;
}
