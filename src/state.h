/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: what running processes share, and only they may write. */
#ifndef STATE_H
#define STATE_H

#include "why.h"

/*
 * Opens the state directory. It must be a directory itself (no symbolic link),
 * owned by this process's user or root and not writable by others, or belong to
 * one of its groups with mode 2770, and not lie on a network file system. Returns
 * a descriptor, which the caller closes, or -1 with the reason.
 */
int state_open(const char *directory, struct why *why);

#endif
