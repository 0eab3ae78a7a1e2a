/* SPDX-License-Identifier: Apache-2.0 */
#include "core/descriptors.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 65536 };

void descriptors_close(unsigned from, unsigned to)
{
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_MAX};

#ifdef SYS_close_range
    if (from > to || syscall(SYS_close_range, from, to, 0u) == 0)
        return;
#endif
    getrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned fd = from; fd <= to && fd < limit.rlim_cur && fd < DESCRIPTORS_MAX; fd++)
        close((int)fd);
}
