/* SPDX-License-Identifier: Apache-2.0 */
/* Included before each source of a coverage build: a process that leaves by _exit writes its
 * counters too. */
#ifndef COVERAGE_H
#define COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);
#define _exit(status) (__gcov_dump(), _exit(status))

#endif
