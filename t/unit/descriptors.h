/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what is left open. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <fcntl.h>
#include <sys/resource.h>

/* How many descriptors of this process are open. */
static inline int descriptors_open(void)
{
    struct rlimit limit = {1024, 1024};
    int open = 0;

    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 0; fd < 4096 && (rlim_t)fd < limit.rlim_cur; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

#endif
