/* SPDX-License-Identifier: Apache-2.0 */
#include "config/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "config/compile.h"
#include "config/environment.h"
#include "config/settings.h"
#include "config/tree.h"
#include "core/arena.h"
#include "core/plain_file.h"

enum { SIZE_MAX_READ = 8 * 1024 * 1024 /* of a file and all that it includes */ };

/* One that may not be read counts: another one must not be taken in its place. */
static bool is_there(const char *file)
{
    return access(file, F_OK) == 0 || errno == EACCES;
}

static bool beside_program(char *buffer, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", buffer, size - 1);

    if (len <= 0)
        return false;
    buffer[len] = '\0';
    char *slash = strrchr(buffer, '/');
    size_t room = size - (size_t)(slash + 1 - buffer);
    return snprintf(slash + 1, room, "signpost.conf") < (int)room && is_there(buffer);
}

bool config_find(char *buffer, size_t size)
{
    const char *named = getenv("SIGNPOST_CONF");

    if (named && *named)
        return snprintf(buffer, size, "%s", named) < (int)size;
    if (beside_program(buffer, size))
        return true;
    return snprintf(buffer, size, "%s", SIGNPOST_SYSCONFDIR "/signpost.conf") < (int)size &&
           is_there(buffer);
}

/* The folder of a file: "." if the name has none. */
static char *folder_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return arena_copy(arena, SLICE("."));
    return arena_copy(arena, (struct slice){file, slash == file ? 1 : (size_t)(slash - file)});
}

/* A configuration on its way. */
struct loading {
    struct arena *arena;
    struct problems *problems;
    const char *file;        /* NULL: the environment alone, or text */
    const char *text;        /* NULL: a file, or the environment alone */
    bool is_reload;          /* of a process that serves already */
    const char *folder;      /* where relative file names are taken from */
    int fd;                  /* of the file that is being read, -1: of none */
    size_t room;             /* bytes that may still be read */
    struct timespec written; /* when the newest file was */
    struct config *config;   /* once it is begun: its places are to be freed, too */
    bool whole;
};

static void note_written(struct loading *loading, const struct timespec *when)
{
    if (when->tv_sec > loading->written.tv_sec ||
        (when->tv_sec == loading->written.tv_sec && when->tv_nsec > loading->written.tv_nsec))
        loading->written = *when;
}

static bool read_file(struct loading *loading, const char *file, struct slice *text,
                      struct why *why)
{
    struct stat status;

    loading->fd = plain_file_open(AT_FDCWD, file, 0, (off_t)loading->room, &status);
    if (loading->fd < 0 && errno == EFBIG)
        return why_not(why, "with all that it includes it may have at most %d bytes",
                       SIZE_MAX_READ);
    if (loading->fd < 0)
        return why_not(why, "%s", plain_file_error(errno));
    note_written(loading, &status.st_mtim);
    char *copy = arena_take(loading->arena, (size_t)status.st_size);
    ssize_t len = plain_file_read(loading->fd, copy, (size_t)status.st_size);
    int error = errno;
    close(loading->fd);
    loading->fd = -1;
    *text = (struct slice){copy, len < 0 ? 0 : (size_t)len};
    loading->room -= text->len;
    return len >= 0 || why_not(why, "%s", plain_file_error(error));
}

static bool include(void *context, const char *name, struct slice *text, const char **file,
                    struct why *why)
{
    struct loading *loading = context;
    struct why reason;

    *file = name[0] == '/' ? name : arena_format(loading->arena, "%s/%s", loading->folder, name);
    return read_file(loading, *file, text, &reason) ||
           why_not(why, "%s cannot be included: %s", *file, reason.text);
}

static struct node *read_tree(struct loading *loading)
{
    struct tree_reader reader = {.arena = loading->arena,
                                 .include = loading->file ? include : NULL,
                                 .context = loading,
                                 .in_child = loading->is_reload};
    const char *name = loading->file ? loading->file : "the text";
    struct tree_error error = {.at = {name, 0}};
    struct slice text = slice_of(loading->text);

    if (loading->file && !read_file(loading, name, &text, &error.why)) {
        problem_add(loading->problems, PROBLEM_ERROR, error.at,
                    "the configuration cannot be read: %s.", error.why.text);
        return NULL;
    }
    struct node *root = tree_read(&reader, text, name, &error);
    if (!root)
        problem_add(loading->problems, PROBLEM_ERROR, error.at, "%s.", error.why.text);
    return root;
}

static struct node *read_environment(struct loading *loading)
{
    struct node *root = arena_take(loading->arena, sizeof *root);

    root->at.file = "the environment";
    return environment_is_enough(loading->problems) ? root : NULL;
}

static void make(struct loading *loading, const struct node *root)
{
    struct option_reader reader = {loading->arena, loading->problems};
    struct settings *settings = arena_take(loading->arena, sizeof *settings);
    struct config *config = arena_take(loading->arena, sizeof *config);

    config->arena = loading->arena;
    config->file = loading->file;
    config->written = loading->written;
    config->is_reloaded = loading->is_reload;
    loading->config = config;
    options_read(&reader, &settings_group, root, settings);
    compile(config, settings, loading->folder, loading->problems);
    loading->whole = loading->problems->errors == 0;
}

static void load(void *context)
{
    struct loading *loading = context;

    if (loading->file) {
        loading->file = arena_copy(loading->arena, slice_of(loading->file));
        loading->folder = folder_of(loading->arena, loading->file);
    }
    bool is_read = loading->file || loading->text;
    struct node *root = is_read ? read_tree(loading) : read_environment(loading);
    if (root && !loading->text)
        environment_apply(loading->arena, root, is_read, loading->problems);
    /* A file's own mistakes are told beside those of the environment. */
    if (root && (is_read || loading->problems->errors == 0))
        make(loading, root);
}

static struct config *load_all(struct loading *loading)
{
    loading->arena = arena_new();
    loading->folder = ".";
    loading->fd = -1;
    loading->room = SIZE_MAX_READ;
    if (!loading->arena || !arena_try(loading->arena, load, loading))
        problem_add(loading->problems, PROBLEM_ERROR, (struct origin){loading->file, 0},
                    "there is not enough memory for the configuration.");
    problems_sort(loading->problems);
    if (loading->whole)
        return loading->config;
    if (loading->fd >= 0)
        close(loading->fd);
    if (loading->config)
        places_free(&loading->config->places);
    arena_free(loading->arena);
    return NULL;
}

struct config *config_load(const char *file, struct problems *problems)
{
    return load_all(&(struct loading){.problems = problems, .file = file});
}

static struct config *load_found(struct loading loading)
{
    char found[PATH_MAX];

    if (!loading.file && config_find(found, sizeof found))
        loading.file = found;
    return load_all(&loading);
}

struct config *config_load_found(const char *file, struct problems *problems)
{
    return load_found((struct loading){.problems = problems, .file = file});
}

struct config *config_reload(const char *file, struct problems *problems)
{
    return load_found((struct loading){.problems = problems, .file = file, .is_reload = true});
}

struct config *config_parse(const char *text, struct problems *problems)
{
    return load_all(&(struct loading){.problems = problems, .text = text});
}

void config_free(struct config *config)
{
    if (!config)
        return;
    places_free(&config->places);
    arena_free(config->arena);
}
