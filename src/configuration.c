/* SPDX-License-Identifier: Apache-2.0 */
#include "configuration.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "arena.h"
#include "compile.h"
#include "environment.h"
#include "settings.h"

const char *const metrics_words[] = {"auto", "on", "off", NULL};

enum { FILE_SIZE_MAX = 8 * 1024 * 1024 };

static bool is_readable(const char *file)
{
    return access(file, R_OK) == 0;
}

static bool beside_program(char *buffer, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", buffer, size - 1);

    if (len <= 0)
        return false;
    buffer[len] = '\0';
    char *slash = strrchr(buffer, '/');
    size_t room = size - (size_t)(slash + 1 - buffer);
    return snprintf(slash + 1, room, "signpost.conf") < (int)room && is_readable(buffer);
}

bool config_find(char *buffer, size_t size)
{
    const char *named = getenv("SIGNPOST_CONF");

    if (named && *named)
        return snprintf(buffer, size, "%s", named) < (int)size;
    if (beside_program(buffer, size))
        return true;
    return snprintf(buffer, size, "%s", SIGNPOST_SYSCONFDIR "/signpost.conf") < (int)size &&
           is_readable(buffer);
}

/* The folder of a file: "." if the name has none. */
static char *folder_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return arena_copy(arena, SLICE("."));
    return arena_copy(arena, (struct slice){file, slash == file ? 1 : (size_t)(slash - file)});
}

static bool is_plain_file(const char *file, struct problems *problems)
{
    struct stat status;
    struct origin at = {file, 0};

    if (stat(file, &status) < 0 || !is_readable(file)) {
        problem_add(problems, PROBLEM_ERROR, at, "the configuration cannot be read: %s.",
                    strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_SIZE_MAX) {
        problem_add(problems, PROBLEM_ERROR, at,
                    "the configuration must be a file of at most %d bytes.", FILE_SIZE_MAX);
        return false;
    }
    return true;
}

/* What to do about an error that libconfig tells of in these words. */
static const char *cure(const char *error)
{
    static const struct {
        const char *error, *cure;
    } cures[] = {
        {"syntax error",
         "look for a missing semicolon, quote or bracket here or in the line before"},
        {"duplicate setting name", "each option may stand only once here; leave one of the two"},
        {"cannot open include file", "relative names are taken from the first file's folder"},
        {"mismatched element type", "in [ ] all must be of one kind; ( ) takes any"},
    };

    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++)
        if (strstr(error, cures[i].error))
            return cures[i].cure;
    return "libconfig's manual tells of the format";
}

/* libconfig stops at the first one. */
static void add_syntax_error(config_t *tree, const char *file, const char *folder,
                             struct problems *problems)
{
    const char *error = config_error_text(tree);
    bool include = strstr(error, "include");

    problem_add(problems, PROBLEM_ERROR, (struct origin){file, (unsigned)config_error_line(tree)},
                "%s: %s%s%s.", error, cure(error), include ? ", " : "", include ? folder : "");
}

static bool read_file(config_t *tree, const char *file, const char *folder,
                      struct problems *problems)
{
    if (!is_plain_file(file, problems))
        return false;
    config_set_include_dir(tree, folder);
    if (config_read_file(tree, file) == CONFIG_TRUE)
        return true;
    const char *at = config_error_file(tree);
    add_syntax_error(tree, at ? at : file, folder, problems);
    return false;
}

static struct config *make(struct arena *arena, config_t *tree, const char *file,
                           const char *folder, const char *unnamed, struct problems *problems)
{
    struct option_reader reader = {.arena = arena, .problems = problems, .unnamed = unnamed};
    struct settings *settings = arena_take(arena, sizeof *settings);
    struct config *config = arena_take(arena, sizeof *config);

    config->arena = arena;
    config->file = file;
    options_read(&reader, &settings_group, config_root_setting(tree), settings);
    compile(config, settings, folder, problems);
    if (problems->errors == 0)
        return config;
    places_free(&config->places);
    return NULL;
}

struct config *config_load(const char *file, struct problems *problems)
{
    struct arena *arena = arena_new();
    struct config *config = NULL;
    config_t tree;

    config_init(&tree);
    const char *name = file ? arena_copy(arena, slice_of(file)) : NULL;
    const char *folder = file ? folder_of(arena, file) : ".";
    bool fine = file ? read_file(&tree, name, folder, problems) : environment_is_enough(problems);
    if (fine) {
        environment_apply(&tree, file != NULL, problems);
        fine = file || problems->errors == 0; /* a file's own mistakes are told as well */
    }
    if (fine) {
        config = make(arena, &tree, name, folder, file ? name : "the environment", problems);
    }
    config_destroy(&tree);
    problems_sort(problems);
    if (!config)
        arena_free(arena);
    return config;
}

struct config *config_parse(const char *text, struct problems *problems)
{
    struct arena *arena = arena_new();
    struct config *config = NULL;
    config_t tree;

    config_init(&tree);
    if (config_read_string(&tree, text) == CONFIG_TRUE)
        config = make(arena, &tree, NULL, ".", "the text", problems);
    else
        add_syntax_error(&tree, "the text", "none", problems);
    config_destroy(&tree);
    problems_sort(problems);
    if (!config)
        arena_free(arena);
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    places_free(&config->places);
    arena_free(config->arena);
}

const struct target *config_target(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->target_count; i++)
        if (slice_equal(target_name(&config->targets[i]), name))
            return &config->targets[i];
    return NULL;
}
