/* SPDX-License-Identifier: Apache-2.0 */
#include "state/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "config/tree.h"
#include "core/lock.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "state/state.h"

enum { CONTROL_SIZE_MAX = 64 * 1024 };

static const char file_name[] = "control", lock_name[] = "control.lock";

/* The file's text, read into a buffer. Returns 0 or an error. */
static int read_text(int directory, char *buffer, struct slice *text)
{
    int fd = plain_file_open(directory, file_name, O_NOFOLLOW, CONTROL_SIZE_MAX, NULL);

    *text = (struct slice){buffer, 0};
    if (fd < 0)
        return errno;
    ssize_t len = plain_file_read(fd, buffer, CONTROL_SIZE_MAX);
    int error = len < 0 ? errno : 0;
    close(fd);
    text->len = len < 0 ? 0 : (size_t)len;
    return error;
}

/* What the file says, in the arena; NULL with the error, a whole sentence, if there is one. */
static struct node *read_control(struct arena *arena, bool in_child, int directory,
                                 const char *name, struct tree_error *error)
{
    char buffer[CONTROL_SIZE_MAX], place[32] = "";
    struct tree_reader reader = {.arena = arena, .in_child = in_child};
    struct slice text;
    int failure = read_text(directory, buffer, &text);
    struct node *root = NULL;

    *error = (struct tree_error){0};
    if (failure && failure != ENOENT)
        why_not(&error->why, "%s", plain_file_error(failure));
    else
        root = tree_read(&reader, text, file_name, error);
    if (root)
        return root;
    struct why reason = error->why;
    if (error->at.line)
        snprintf(place, sizeof place, "line %u: ", error->at.line);
    why_not(&error->why,
            "The file %s/%s %s, and what is drained or has a share stays as it is%s (%s%s).", name,
            file_name, error->is_starved ? "cannot be read just now" : "is damaged",
            error->is_starved ? "" : ": mend it, or remove it to begin anew", place, reason.text);
    return NULL;
}

/* The wish for the target of this name; NULL if there is none in the configuration. */
static struct wish *wish_for(struct control *control, const char *name)
{
    const struct target *target = name ? config_target(control->config, slice_of(name)) : NULL;

    return target ? &control->wish[target - control->config->targets] : NULL;
}

static void note_drained(struct control *control, const struct node *root)
{
    const struct node *list = tree_member(root, "drained");

    if (!list || (list->type != NODE_ARRAY && list->type != NODE_LIST))
        return;
    for (const struct node *name = list->first; name; name = name->next) {
        struct wish *wish = name->type == NODE_STRING ? wish_for(control, name->text) : NULL;
        if (wish)
            wish->drained = true;
    }
}

/* "shares = ( { target = "eu"; share = 0.05; } );" */
static void note_shares(struct control *control, const struct node *root)
{
    const struct node *list = tree_member(root, "shares");

    if (!list || list->type != NODE_LIST)
        return;
    for (const struct node *entry = list->first; entry; entry = entry->next) {
        const struct node *share = tree_member(entry, "share");
        struct wish *wish = wish_for(control, tree_text(entry, "target"));
        bool is_number = share && (share->type == NODE_FLOAT || share->type == NODE_INTEGER);
        if (wish && is_number && share->number >= 0 && share->number <= 1)
            wish->share = (float)share->number;
    }
}

static void clear_wishes(struct control *control)
{
    for (size_t i = 0; i < control->config->target_count; i++)
        control->wish[i] = (struct wish){.share = CONTROL_NO_SHARE};
}

/* Reading the file, in arena_try's hands. */
struct reading {
    struct control *control;
    struct arena *arena;
    bool in_child;
    enum control_news news;
};

/* What is wrong is told once. */
static enum control_news note_error(struct control *control, const struct tree_error *error)
{
    bool is_known = strcmp(control->why.text, error->why.text) == 0;

    control->why = error->why;
    if (!error->is_starved)
        return CONTROL_DAMAGED;
    control->seen.inode = 0; /* look again */
    return is_known ? CONTROL_SAME : CONTROL_STARVED;
}

static void work_read(void *context)
{
    struct reading *reading = context;
    struct control *control = reading->control;
    struct tree_error error;
    struct node *root = read_control(reading->arena, reading->in_child, control->state->fd,
                                     control->state->name, &error);

    if (!root) {
        reading->news = note_error(control, &error);
        return;
    }
    control->why.text[0] = '\0';
    const char *mark = tree_text(root, "reload");
    bool reload = mark && *mark && strncmp(mark, control->reload, sizeof control->reload - 1) != 0;
    if (reload)
        snprintf(control->reload, sizeof control->reload, "%s", mark);
    clear_wishes(control);
    note_drained(control, root);
    note_shares(control, root);
    reading->news = reload ? CONTROL_RELOAD : CONTROL_CHANGED;
}

/* Takes in what the file says now. */
static enum control_news read_news(struct control *control, bool in_child)
{
    static const struct tree_error starved = {.why = {"There is not enough memory."},
                                              .is_starved = true};
    struct reading reading = {control, arena_new(), in_child, CONTROL_SAME};

    if (!reading.arena || !arena_try(reading.arena, work_read, &reading))
        reading.news = note_error(control, &starved);
    arena_free(reading.arena);
    return reading.news;
}

static bool has_changed(struct control *control)
{
    if (!control->state || control->state->fd < 0)
        return false;
    struct identity now = identity_in(control->state->fd, file_name);
    bool changed = !identity_same(&now, &control->seen);
    control->seen = now;
    return changed;
}

enum control_news control_open(struct control *control, const struct state *state,
                               const struct config *config)
{
    control->state = state;
    control->config = config;
    control->seen = (struct identity){0}; /* none is the same as an empty one */
    control->reload[0] = control->why.text[0] = '\0';
    clear_wishes(control);
    return has_changed(control) ? read_news(control, config->is_reloaded) : CONTROL_SAME;
}

enum control_news control_refresh(struct control *control)
{
    return has_changed(control) ? read_news(control, true) : CONTROL_SAME;
}

/* One change to the file, while nobody else makes one; in arena_try's hands. */
struct change {
    void (*apply)(const struct change *change, struct node *root);
    const char *name;
    char *mark;       /* is set to that of the reload */
    struct wish wish; /* what apply takes of it */
    const char *directory;
    struct why *why;
    struct arena *arena;
    int fd; /* the directory */
    bool written;
};

/*
 * The mark is the time, but always later than the one before, also where the clock was set
 * back: whoever has done a reload of a later mark has done the earlier ones, too.
 */
static void set_mark(const struct change *change, struct node *root)
{
    const char *former = tree_text(root, "reload");
    struct timespec now;
    long long seconds;
    long ns;

    clock_gettime(CLOCK_REALTIME, &now);
    if (former && sscanf(former, "%10lld.%9ld", &seconds, &ns) == 2 &&
        (seconds > now.tv_sec || (seconds == now.tv_sec && ns >= now.tv_nsec)))
        now = (struct timespec){seconds + (ns + 1) / 1000000000, (ns + 1) % 1000000000};
    snprintf(change->mark, CONTROL_MARK_SIZE, "%010lld.%09ld by %d", (long long)now.tv_sec,
             now.tv_nsec, (int)getpid());
    tree_remove(tree_member(root, "reload"));
    tree_add_text(change->arena, root, "reload", change->mark);
}

/* The member of a kind; if somebody has written another one there, it is replaced. */
static struct node *member(const struct change *change, struct node *root, const char *name,
                           enum node_type type)
{
    struct node *found = tree_member(root, name);

    if (found && found->type == type)
        return found;
    tree_remove(found);
    return tree_add(change->arena, root, name, type);
}

static void set_drained(const struct change *change, struct node *root)
{
    struct node *list = member(change, root, "drained", NODE_ARRAY);

    for (struct node *name = list->first; name; name = name->next)
        if (name->type != NODE_STRING || strcmp(name->text, change->name) == 0)
            tree_remove(name);
    if (change->wish.drained)
        tree_add_text(change->arena, list, NULL, change->name);
}

/* In as few digits as tell it; with a point, as libconfig wants it of a float. */
static const char *share_text(struct arena *arena, float share)
{
    char text[32];
    int digits = 6;

    do
        snprintf(text, sizeof text, "%.*g", digits++, (double)share);
    while ((strtof(text, NULL) < share || strtof(text, NULL) > share) && digits <= 9);
    return arena_format(arena, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void set_share(const struct change *change, struct node *root)
{
    struct node *list = member(change, root, "shares", NODE_LIST);

    for (struct node *entry = list->first; entry; entry = entry->next) {
        const char *target = tree_text(entry, "target");
        if (!target || strcmp(target, change->name) == 0)
            tree_remove(entry);
    }
    if (change->wish.share < 0)
        return;
    struct node *entry = tree_add(change->arena, list, NULL, NODE_GROUP);
    tree_add_text(change->arena, entry, "target", change->name);
    tree_add(change->arena, entry, "share", NODE_FLOAT)->text =
        share_text(change->arena, change->wish.share);
}

static bool write_control(const struct node *root, const struct change *change)
{
    struct replacement new;

    if (replacement_begin(&new, change->fd, file_name, 0644)) {
        tree_write(root, new.file);
        if (replacement_end(&new, true))
            return true;
    }
    return why_not(change->why, "The file %s/%s cannot be written: %s.", change->directory,
                   file_name, strerror(errno));
}

static void work_change(void *context)
{
    struct change *change = context;
    struct tree_error error;
    struct node *root = read_control(change->arena, false, change->fd, change->directory, &error);

    if (!root) {
        why_not(change->why, "%s", error.why.text);
        return;
    }
    change->apply(change, root);
    change->written = write_control(root, change);
}

static bool change_locked(struct change *change)
{
    int lock = lock_take(change->fd, change->directory, lock_name, LOCK_PATIENCE_MS, change->why);

    if (lock < 0)
        return false;
    change->arena = arena_new();
    if (!change->arena || !arena_try(change->arena, work_change, change))
        why_not(change->why, "There is not enough memory.");
    arena_free(change->arena);
    lock_release(change->fd, lock_name, lock);
    return change->written;
}

static bool make_change(struct change *change)
{
    change->fd = state_open(change->directory, change->why);
    if (change->fd < 0)
        return false;
    bool made = change_locked(change);
    close(change->fd);
    return made;
}

void control_parts(const struct control *control, struct part parts[TARGETS_MAX])
{
    for (size_t i = 0; i < control->config->target_count; i++)
        parts[i] = control_part(control, &control->config->targets[i], 1);
}

void control_read_parts(const struct config *config, struct part parts[TARGETS_MAX])
{
    static struct control control; /* large */
    struct state state;

    state_begin(&state, config->state);
    control_open(&control, &state, config);
    control_parts(&control, parts);
    state_end(&state);
}

bool control_ask_reload(const char *directory, char mark[CONTROL_MARK_SIZE], struct why *why)
{
    return make_change(
        &(struct change){.apply = set_mark, .mark = mark, .directory = directory, .why = why});
}

bool control_drain(const char *directory, const char *name, bool drain, struct why *why)
{
    return make_change(&(struct change){.apply = set_drained,
                                        .name = name,
                                        .wish.drained = drain,
                                        .directory = directory,
                                        .why = why});
}

bool control_set_share(const char *directory, const char *name, float share, struct why *why)
{
    return make_change(&(struct change){
        .apply = set_share, .name = name, .wish.share = share, .directory = directory, .why = why});
}
