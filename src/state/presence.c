/* SPDX-License-Identifier: Apache-2.0 */
#include "state/presence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "core/plain_file.h"
#include "core/replacement.h"

enum {
    TEXT_MAX = PATH_MAX + 1024, /* of a file */
    FILES_MAX = 16 * 1024,      /* that are looked at */
    TURNS = 3,                  /* for a file that is replaced while it is looked at */
    UNFINISHED_S = 60           /* what has no name of its own by then never will */
};

static const char folder_name[] = "processes";
static const char *const kinds[] = {"responder", "prober"};
static const char *const standings[] = {"serves", "keeps", "unconfigured"};

/* ---- writing ---- */

void presence_begin(struct presence *presence, enum presence_kind kind)
{
    unsigned chance = 0;

    *presence = (struct presence){.note = {.kind = kind, .pid = getpid()}, .fd = -1, .folder = -1};
    (void)!getrandom(&chance, sizeof chance, 0);
    snprintf(presence->name, sizeof presence->name, "%s-%" PRId64 "-%08x", kinds[kind],
             presence->note.pid, chance);
}

static int open_folder(int directory)
{
    return openat(directory, folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folder, made if it is not there; -1 with errno. */
static int make_folder(const struct state *state)
{
    int folder = open_folder(state->fd);

    if (folder >= 0 || errno != ENOENT)
        return folder;
    if (mkdirat(state->fd, folder_name, 0700) < 0 && errno != EEXIST)
        return -1;
    folder = open_folder(state->fd);
    if (folder < 0)
        return -1;
    plain_file_give(state->fd, folder);
    if (state->for_group)
        (void)!fchmod(folder, 02770); /* another process may have made it */
    return folder;
}

/* On one line, which may be empty. */
static void write_line(FILE *out, const char *word, const char *value)
{
    fprintf(out, "%s ", word);
    for (; *value; value++)
        putc(*value == '\n' ? '?' : *value, out);
    putc('\n', out);
}

static void write_note(FILE *out, const struct presence_note *note)
{
    fprintf(out, "signpost-process 1\nkind %s\npid %" PRId64 "\nstanding %s\n", kinds[note->kind],
            note->pid, standings[note->standing]);
    write_line(out, "mark", note->mark);
    write_line(out, "file", note->file);
    write_line(out, "reason", note->reason.text);
}

/* A new file takes the place of the one there is; it is locked before it has its name. */
static bool put_file(struct presence *presence, mode_t mode)
{
    struct replacement new;

    if (!replacement_begin(&new, presence->folder, presence->name, mode))
        return false;
    int fd = fcntl(new.fd, F_DUPFD_CLOEXEC, 0); /* to hold the lock */
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (locked)
        write_note(new.file, &presence->note);
    else
        replacement_abandon(&new);
    if (!locked || !replacement_end(&new, false)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        errno = error;
        return false;
    }
    if (presence->fd >= 0)
        close(presence->fd);
    presence->fd = fd;
    return true;
}

static void ignore(void *context, const struct presence_note *note)
{
    (void)context, (void)note;
}

/* Leaves the former directory and enters this one. */
static bool enter(struct presence *presence, const struct state *state)
{
    presence_end(presence);
    presence->folder = make_folder(state);
    presence->device = state->device;
    presence->inode = state->inode;
    if (presence->folder < 0)
        return false;
    presence_list(state->fd, ignore, NULL); /* so that no files gather */
    return true;
}

static bool is_in(const struct presence *presence, const struct state *state)
{
    struct stat status;

    return presence->folder >= 0 && presence->device == state->device &&
           presence->inode == state->inode && fstat(presence->folder, &status) == 0 &&
           status.st_nlink > 0;
}

static bool put(struct presence *presence, const struct state *state, struct why *why)
{
    mode_t mode = state->for_group ? 0660 : 0600;

    if (state->fd < 0)
        return true;
    if ((is_in(presence, state) || enter(presence, state)) && put_file(presence, mode)) {
        presence->complained = false;
        return true;
    }
    why_not(why,
            "This process cannot say in %s/%s that it is there (%s), so `signpost reload` and "
            "`signpost state` do not know of it.",
            state->name, folder_name, strerror(errno));
    if (presence->complained)
        return true;
    presence->complained = true;
    return false;
}

bool presence_tell(struct presence *presence, const struct state *state,
                   enum presence_standing standing, const char *file, const char *mark,
                   const struct why *reason, struct why *why)
{
    struct presence_note *note = &presence->note;
    char *path = file ? realpath(file, NULL) : NULL;

    note->standing = standing;
    snprintf(note->mark, sizeof note->mark, "%s", mark);
    snprintf(note->file, sizeof note->file, "%s", path ? path : file ? file : "");
    note->reason = reason ? *reason : (struct why){""};
    free(path);
    return put(presence, state, why);
}

bool presence_keep(struct presence *presence, const struct state *state, struct why *why)
{
    struct stat status;
    bool is_there = is_in(presence, state) && presence->fd >= 0 &&
                    fstat(presence->fd, &status) == 0 && status.st_nlink > 0;

    return is_there || put(presence, state, why);
}

void presence_end(struct presence *presence)
{
    if (presence->fd >= 0) {
        unlinkat(presence->folder, presence->name, 0);
        close(presence->fd);
    }
    if (presence->folder >= 0)
        close(presence->folder);
    presence->fd = presence->folder = -1;
}

/* ---- reading ---- */

const char *presence_word(enum presence_kind kind)
{
    return kinds[kind];
}

const char *presence_standing_word(enum presence_standing standing)
{
    return standings[standing];
}

static const char *consequence(const struct presence_note *note)
{
    if (note->standing == PRESENCE_KEEPS)
        return "goes on with the one before";
    return note->kind == PRESENCE_RESPONDER ? "answers 503 to all requests" : "does nothing";
}

void presence_print_refusal(const struct presence_note *note, FILE *out)
{
    fprintf(out, "%s %" PRId64 " refuses %s, and %s: %s\n", kinds[note->kind], note->pid,
            note->file[0] ? note->file : "its environment", consequence(note), note->reason.text);
}

/* The value of the next line, which must begin with this word; NULL if it does not. */
static char *take_line(char **at, const char *word)
{
    size_t len = strlen(word);
    char *end = strchr(*at, '\n'), *value = *at + len + 1;

    if (!end || strncmp(*at, word, len) != 0 || (*at)[len] != ' ')
        return NULL;
    *end = '\0';
    *at = end + 1;
    return value;
}

static bool take_word(char **at, const char *word, const char *const *words, size_t count,
                      unsigned *index)
{
    const char *value = take_line(at, word);

    for (*index = 0; value && *index < count; ++*index)
        if (strcmp(value, words[*index]) == 0)
            return true;
    return false;
}

static bool take_text(char **at, const char *word, char *into, size_t size)
{
    const char *value = take_line(at, word);

    return value && snprintf(into, size, "%s", value) < (int)size;
}

static bool parse(char *text, struct presence_note *note)
{
    char version[8], pid[24];
    unsigned kind, standing;

    if (!take_text(&text, "signpost-process", version, sizeof version) ||
        !take_word(&text, "kind", kinds, sizeof kinds / sizeof *kinds, &kind) ||
        !take_text(&text, "pid", pid, sizeof pid) ||
        !take_word(&text, "standing", standings, sizeof standings / sizeof *standings, &standing))
        return false;
    note->kind = (enum presence_kind)kind;
    note->standing = (enum presence_standing)standing;
    note->pid = strtoll(pid, NULL, 10);
    return take_text(&text, "mark", note->mark, sizeof note->mark) &&
           take_text(&text, "file", note->file, sizeof note->file) &&
           take_text(&text, "reason", note->reason.text, sizeof note->reason.text);
}

static bool read_note(int fd, struct presence_note *note)
{
    char text[TEXT_MAX + 1];
    ssize_t len = plain_file_read(fd, text, TEXT_MAX);

    if (len < 0)
        return false;
    text[len] = '\0';
    return parse(text, note);
}

/* Whether the name is still this file's. */
static bool is_named(int folder, const char *name, const struct stat *file)
{
    struct stat named;

    return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == file->st_dev && named.st_ino == file->st_ino;
}

/* A file that nobody has locked is a dead process's, or one that is just being made. */
static void clear_away(int folder, const char *name, const struct stat *file)
{
    if (name[0] != '.' || time(NULL) - file->st_mtime > UNFINISHED_S)
        unlinkat(folder, name, 0);
}

/* False: it was replaced meanwhile, and is to be looked at again. */
static bool look_at(int folder, const char *name, presence_visitor *visit, void *context)
{
    struct presence_note note;
    struct stat status;
    int fd = plain_file_open(folder, name, O_NOFOLLOW, TEXT_MAX, &status);
    bool is_settled = true;

    if (fd < 0)
        return true;
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        is_settled = is_named(folder, name, &status);
        if (is_settled)
            clear_away(folder, name, &status);
    } else if (errno == EWOULDBLOCK && name[0] != '.' && read_note(fd, &note)) {
        visit(context, &note);
    }
    close(fd);
    return is_settled;
}

void presence_list(int directory, presence_visitor *visit, void *context)
{
    int folder = open_folder(directory);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);

    if (!entries) {
        if (folder >= 0)
            close(folder);
        return;
    }
    for (int i = 0; i < FILES_MAX; i++) {
        const struct dirent *entry = readdir(entries);
        if (!entry)
            break;
        for (int turn = 0; turn < TURNS; turn++)
            if (look_at(folder, entry->d_name, visit, context))
                break;
    }
    closedir(entries);
}
