/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guard for mapped files. When another program cuts a file short, a read
 * behind its new end raises SIGBUS, and so does a write. Here the handler puts a page of
 * zeros there, which is this process's own, and marks the map as damaged; the access goes
 * on, and whoever did it asks afterwards, before believing what was read. That costs an
 * access nothing, and nothing has to be unwound.
 *
 * Whoever reads a guarded map must bear any bytes there, as he must anyway:
 * what is cut short may as well be overwritten.
 *
 * Signals have no argument, so the list of maps is one for the process; it is used by one thread.
 */
#ifndef CORE_MAPPED_H
#define CORE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>

enum { MAPS_MAX = 2560 /* guarded at a time: 16 sources of 64 files, twice at a reload */ };

/*
 * Guards the map of size bytes at an address. Returns its number, or -1 if there
 * are too many, or signals cannot be caught: then the map must not be used.
 */
int mapped_watch(const void *at, size_t size);

/* Ends the guard; to be called before munmap. -1 is fine. */
void mapped_unwatch(int map);

/*
 * Ends the guard and unmaps; at and size as mmap gave and took them, size 0 is fine. The last who
 * unmaps a file that has been replaced or deleted waits until the file system has freed it, which
 * takes 0.1 s for 160 MB: large ones are unmapped by a thread of their own, so that no request
 * waits for that.
 */
void mapped_release(int map, void *at, size_t size);

/* Whether the file of this map has been cut short since it is guarded. */
bool mapped_is_damaged(int map);

/*
 * For libraries that map a file and read it in one call: between these two, a
 * failed read of any map is mended. mapped_opened returns whether there was none.
 */
bool mapped_opening(void);
bool mapped_opened(void);

#endif
