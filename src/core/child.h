/* SPDX-License-Identifier: Apache-2.0 */
/* Work that may crash, end its process or take too long is done in a child process. */
#ifndef CORE_CHILD_H
#define CORE_CHILD_H

#include <stdbool.h>
#include "core/why.h"

/*
 * What the work is to leave behind it writes to shared memory (see arena_share). It must use
 * nothing else that the parent shares with it, such as files and sockets. False if it failed.
 */
typedef bool child_work(void *context);

/*
 * Does the work in a child process, which is gone on return. False with the reason if none
 * could be started, or if it failed, ended early or took longer than limit_ms.
 */
bool child_run(child_work *work, void *context, int limit_ms, struct why *why);

#endif
