/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before each source of a coverage build: a process that leaves by _exit writes its
 * counters too; once, since a signal may come while it does and its handler leave as well.
 */
#ifndef COVERAGE_H
#define COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);

static inline void dump_once(void)
{
    static int begun;

    if (!begun++)
        __gcov_dump();
}

#define _exit(status) (dump_once(), _exit(status))

#endif
