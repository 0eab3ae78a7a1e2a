/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "replacement.h"
#include "state.h"

enum { CONTROL_SIZE_MAX = 64 * 1024 };

static const char file_name[] = "control";

/* Reads the open control file; false if it is none. */
static bool read_tree(config_t *tree, FILE *file)
{
    struct stat status;

    return fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size <= CONTROL_SIZE_MAX && config_read(tree, file) == CONFIG_TRUE;
}

/* False if there is a file that is no control file. */
static bool read_control(config_t *tree, int directory)
{
    int fd = openat(directory, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    bool good = fd < 0 ? errno == ENOENT : file && read_tree(tree, file);

    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
    return good;
}

/* The wish for the target of this name; NULL if there is none in the configuration. */
static struct wish *wish_for(struct control *control, const char *name)
{
    const struct target *target = name ? config_target(control->config, slice_of(name)) : NULL;

    return target ? &control->wish[target - control->config->targets] : NULL;
}

static void note_drained(struct control *control, const config_t *tree)
{
    const config_setting_t *list = config_lookup(tree, "drained");
    int count = list ? config_setting_length(list) : 0;

    for (int i = 0; i < count; i++) {
        struct wish *wish = wish_for(control, config_setting_get_string_elem(list, i));
        if (wish)
            wish->drained = true;
    }
}

/* "shares = ( { target = "eu"; share = 0.05; } );" */
static void note_shares(struct control *control, const config_t *tree)
{
    const config_setting_t *list = config_lookup(tree, "shares");
    int count = list && config_setting_is_list(list) ? config_setting_length(list) : 0;

    for (int i = 0; i < count; i++) {
        const config_setting_t *entry = config_setting_get_elem(list, (unsigned)i);
        const char *name = NULL;
        double share = CONTROL_NO_SHARE;
        if (!config_setting_is_group(entry))
            continue;
        config_setting_lookup_string(entry, "target", &name);
        config_setting_lookup_float(entry, "share", &share);
        struct wish *wish = wish_for(control, name);
        if (wish && share >= 0 && share <= 1)
            wish->share = (float)share;
    }
}

static void clear_wishes(struct control *control)
{
    for (size_t i = 0; i < control->config->target_count; i++)
        control->wish[i] = (struct wish){.share = CONTROL_NO_SHARE};
}

static void note_wishes(struct control *control, const config_t *tree)
{
    clear_wishes(control);
    note_drained(control, tree);
    note_shares(control, tree);
}

/* Takes in what the file says now. */
static enum control_news read_news(struct control *control)
{
    int fd = state_open(control->directory, NULL);
    const char *mark = "";
    config_t tree;

    if (fd < 0) {
        control->inode = 0; /* look again */
        return CONTROL_SAME;
    }
    config_init(&tree);
    bool good = read_control(&tree, fd);
    close(fd);
    if (!good) {
        config_destroy(&tree);
        return CONTROL_DAMAGED;
    }
    config_lookup_string(&tree, "reload", &mark);
    bool reload = *mark && strncmp(mark, control->reload, sizeof control->reload - 1) != 0;
    if (reload)
        snprintf(control->reload, sizeof control->reload, "%s", mark);
    note_wishes(control, &tree);
    config_destroy(&tree);
    return reload ? CONTROL_RELOAD : CONTROL_CHANGED;
}

static bool has_changed(struct control *control)
{
    char path[4096];
    struct stat status;

    if (!control->directory ||
        snprintf(path, sizeof path, "%s/%s", control->directory, file_name) >= (int)sizeof path)
        return false;
    if (stat(path, &status) < 0)
        status = (struct stat){0}; /* none is the same as an empty one */
    if (status.st_ino == control->inode && status.st_mtim.tv_sec == control->changed.tv_sec &&
        status.st_mtim.tv_nsec == control->changed.tv_nsec)
        return false;
    control->inode = status.st_ino;
    control->changed = status.st_mtim;
    return true;
}

enum control_news control_open(struct control *control, const char *directory,
                               const struct config *config)
{
    control->directory = directory;
    control->config = config;
    control->changed = (struct timespec){0, 0};
    control->inode = 0;
    control->reload[0] = '\0';
    clear_wishes(control);
    return control_refresh(control);
}

static const char damaged[] = "The file %s/control is damaged, and what is drained or has a share "
                              "stays as it is: mend it, or remove it to begin anew.";

void control_complain(const struct control *control, struct why *why)
{
    why_not(why, damaged, control->directory);
}

enum control_news control_refresh(struct control *control)
{
    return has_changed(control) ? read_news(control) : CONTROL_SAME;
}

static bool write_tree(config_t *tree, int directory, struct why *why)
{
    struct replacement new;

    if (replacement_begin(&new, directory, file_name, false)) {
        config_write(tree, new.file);
        if (replacement_end(&new, true))
            return true;
    }
    return why_not(why, "The control file cannot be written: %s.", strerror(errno));
}

static void set_mark(config_t *tree)
{
    config_setting_t *root = config_root_setting(tree);
    struct timespec now;
    char mark[64];

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(mark, sizeof mark, "%lld.%09ld by %d", (long long)now.tv_sec, now.tv_nsec,
             (int)getpid());
    config_setting_remove(root, "reload");
    config_setting_set_string(config_setting_add(root, "reload", CONFIG_TYPE_STRING), mark);
}

/* The member of a kind; if somebody has written another one there, it is replaced. */
static config_setting_t *member(config_t *tree, const char *name, int type)
{
    config_setting_t *root = config_root_setting(tree);
    config_setting_t *found = config_setting_get_member(root, name);

    if (found && config_setting_type(found) == type)
        return found;
    config_setting_remove(root, name);
    return config_setting_add(root, name, type);
}

static void set_drained(config_t *tree, const char *name, bool drain)
{
    config_setting_t *list = member(tree, "drained", CONFIG_TYPE_ARRAY);

    for (int i = config_setting_length(list); i-- > 0;) {
        const char *present = config_setting_get_string_elem(list, i);
        if (!present || strcmp(present, name) == 0)
            config_setting_remove_elem(list, (unsigned)i);
    }
    if (drain)
        config_setting_set_string_elem(list, -1, name);
}

static void set_share(config_t *tree, const char *name, float share)
{
    config_setting_t *list = member(tree, "shares", CONFIG_TYPE_LIST);

    for (int i = config_setting_length(list); i-- > 0;) {
        const config_setting_t *entry = config_setting_get_elem(list, (unsigned)i);
        const char *present = NULL;
        if (config_setting_is_group(entry))
            config_setting_lookup_string(entry, "target", &present);
        if (!present || strcmp(present, name) == 0)
            config_setting_remove_elem(list, (unsigned)i);
    }
    if (share < 0)
        return;
    config_setting_t *entry = config_setting_add(list, NULL, CONFIG_TYPE_GROUP);
    config_setting_set_string(config_setting_add(entry, "target", CONFIG_TYPE_STRING), name);
    config_setting_set_float(config_setting_add(entry, "share", CONFIG_TYPE_FLOAT), share);
}

/* One change to the file, while nobody else makes one. */
struct change {
    void (*apply)(config_t *tree, const struct change *change);
    const char *name;
    struct wish wish; /* what apply takes of it */
};

static void apply_mark(config_t *tree, const struct change *change)
{
    (void)change;
    set_mark(tree);
}

static void apply_drain(config_t *tree, const struct change *change)
{
    set_drained(tree, change->name, change->wish.drained);
}

static void apply_share(config_t *tree, const struct change *change)
{
    set_share(tree, change->name, change->wish.share);
}

static bool make_change(const char *directory, const struct change *change, struct why *why)
{
    int fd = state_open(directory, why);
    config_t tree;

    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX) < 0) {
        close(fd);
        return why_not(why, "The state directory %s cannot be locked: %s.", directory,
                       strerror(errno));
    }
    config_init(&tree);
    bool written = read_control(&tree, fd);
    if (written) {
        change->apply(&tree, change);
        written = write_tree(&tree, fd, why);
    } else {
        why_not(why, damaged, directory);
    }
    config_destroy(&tree);
    close(fd);
    return written;
}

bool control_ask_reload(const char *directory, struct why *why)
{
    return make_change(directory, &(struct change){.apply = apply_mark}, why);
}

bool control_drain(const char *directory, const char *name, bool drain, struct why *why)
{
    struct wish wish = {.drained = drain};

    return make_change(directory, &(struct change){apply_drain, name, wish}, why);
}

bool control_set_share(const char *directory, const char *name, float share, struct why *why)
{
    struct wish wish = {.share = share};

    return make_change(directory, &(struct change){apply_share, name, wish}, why);
}
