/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "state.h"

enum { CONTROL_SIZE_MAX = 64 * 1024 };

static const char file_name[] = "control";
static const char new_name[] = "control.new";

/* Reads the open control file; an empty tree if it is none. */
static void read_tree(config_t *tree, FILE *file)
{
    struct stat status;

    if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= CONTROL_SIZE_MAX && config_read(tree, file) == CONFIG_TRUE)
        return;
    config_destroy(tree);
    config_init(tree);
}

static void read_control(config_t *tree, int directory)
{
    int fd = openat(directory, file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (file) {
        read_tree(tree, file);
        fclose(file);
    } else if (fd >= 0) {
        close(fd);
    }
}

/* Notes the mark of the last reload; true if it is another one than before. */
static bool note_mark(struct control_watch *watch, const char *directory)
{
    int fd = state_open(directory, NULL);
    const char *mark = "";
    config_t tree;

    if (fd < 0)
        return false;
    config_init(&tree);
    read_control(&tree, fd);
    close(fd);
    config_lookup_string(&tree, "reload", &mark);
    bool other = strncmp(mark, watch->reload, sizeof watch->reload - 1) != 0;
    snprintf(watch->reload, sizeof watch->reload, "%s", mark);
    config_destroy(&tree);
    return other;
}

static bool has_changed(struct control_watch *watch, const char *directory)
{
    char path[4096];
    struct stat status;

    if (snprintf(path, sizeof path, "%s/%s", directory, file_name) >= (int)sizeof path ||
        stat(path, &status) < 0)
        return false;
    if (status.st_ino == watch->inode && status.st_mtim.tv_sec == watch->changed.tv_sec &&
        status.st_mtim.tv_nsec == watch->changed.tv_nsec)
        return false;
    watch->inode = status.st_ino;
    watch->changed = status.st_mtim;
    return true;
}

void control_watch_start(struct control_watch *watch, const char *directory)
{
    *watch = (struct control_watch){0};
    control_reload_asked(watch, directory);
}

bool control_reload_asked(struct control_watch *watch, const char *directory)
{
    return has_changed(watch, directory) && note_mark(watch, directory);
}

static bool write_tree(config_t *tree, int directory, struct why *why)
{
    int fd = openat(directory, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0644);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file) {
        if (fd >= 0)
            close(fd);
        return why_not(why, "The control file cannot be written: %s.", strerror(errno));
    }
    config_write(tree, file);
    bool written = fflush(file) == 0 && fsync(fd) == 0;
    written = fclose(file) == 0 && written;
    if (!written || renameat(directory, new_name, directory, file_name) < 0)
        return why_not(why, "The control file cannot be written: %s.", strerror(errno));
    return true;
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

bool control_ask_reload(const char *directory, struct why *why)
{
    int fd = state_open(directory, why);
    config_t tree;

    if (fd < 0)
        return false;
    config_init(&tree);
    read_control(&tree, fd);
    set_mark(&tree);
    bool written = write_tree(&tree, fd, why);
    config_destroy(&tree);
    close(fd);
    return written;
}
