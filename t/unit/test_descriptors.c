/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors are closed, with the kernel's help and without it. */
#include "core/descriptors.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tap.h"

enum { FIRST = 20, COUNT = 10 };

static void open_some(void)
{
    for (int fd = FIRST; fd < FIRST + COUNT; fd++)
        dup2(STDOUT_FILENO, fd);
}

/* How many of them are open, from some to others. */
static int opened(int from, int to)
{
    int count = 0;

    for (int fd = from; fd <= to; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_close(const char *how)
{
    open_some();
    descriptors_close(FIRST + 2, FIRST + 5);
    ok(opened(FIRST + 2, FIRST + 5) == 0, "%s, those between two are closed", how);
    ok(opened(FIRST, FIRST + COUNT - 1) == COUNT - 4, "%s, and no others", how);
    descriptors_close(FIRST + 1, FIRST);
    ok(opened(FIRST, FIRST + 1) == 2, "%s, none is between one and the one before", how);
    descriptors_close(FIRST, ~0u);
    ok(opened(FIRST, FIRST + COUNT - 1) == 0, "%s, all from one on are closed", how);
}

/* From here on, close_range fails as where the kernel does not have it. */
static int forbid_close_range(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
               ? -1
               : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(void)
{
    test_close("by the kernel");
    if (forbid_close_range() == 0 && syscall(SYS_close_range, 900u, 901u, 0u) < 0)
        test_close("one by one");
    else
        puts("# no filter of system calls here");
    return done_testing();
}
