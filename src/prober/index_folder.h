/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a source in the state directory, as whoever fetches the source uses it:
 *
 *     index/<id>/list            as it was published; replaced by rename
 *     index/<id>/sha256-<hex>    a file that it names
 *     index/<id>/status, seen    see index_status.h and index_seen.h
 */
#ifndef PROBER_INDEX_FOLDER_H
#define PROBER_INDEX_FOLDER_H

#include <limits.h>
#include "state/index_list.h"
#include "state/state.h"

struct index_folder {
    int fd, lock;
    char path[PATH_MAX]; /* for messages */
};

/*
 * Opens it for one process at a time; it is made if it is not there. False with the reason. End
 * with index_folder_close.
 */
bool index_folder_open(struct index_folder *folder, const struct state *state,
                       const struct index_source *source, struct why *why);

void index_folder_close(struct index_folder *folder);

/* A list and its text, which it borrows from. */
struct index_held {
    char *text; /* NULL: there is none */
    struct index_list list;
};

/*
 * Takes a copy of a list's text. False with the reason, which names the list; nothing is held, and
 * errno is 0 unless there was no memory.
 */
bool index_held_take(struct index_held *held, struct slice text, const char *name, struct why *why);

/* Lets go of it. */
void index_held_drop(struct index_held *held);

/*
 * Reads the list that serves. That there is none, or a damaged one, is no mistake. False with
 * errno if that cannot be known now.
 */
bool index_folder_read(int folder, struct index_held *held);

/* Says that the list cannot be read, by errno. False. */
bool index_folder_cannot_read(const struct index_folder *folder, struct why *why);

/* Puts a list in its place: all its files must be there. False with the reason. */
bool index_folder_switch(const struct index_folder *folder, const struct index_list *list,
                         struct why *why);

/* Whether a file, or all files of a list, are there with their bytes. */
bool index_folder_has(int folder, const struct index_list_file *file);
bool index_folder_has_all(int folder, const struct index_list *list);

/*
 * Adds to lines those of a file that is there, all of which are looked at. False with the reason,
 * which shows the file under a name; errno is 0 unless the system refused it.
 */
bool index_folder_count(int folder, const struct index_list_file *file, const char *shown,
                        uint64_t *lines, struct why *why);

/* Removes the files that the list that serves does not name; none if that cannot be read. */
void index_folder_clean(int folder);

/* Removes the folders of what is no source any more. */
void index_folder_clean_all(const struct state *state, const struct index_source *sources,
                            size_t count);

/* Says that it cannot be written, by errno. */
bool index_folder_cannot_write(const struct index_folder *folder, struct why *why);

#endif
