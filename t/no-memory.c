/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: lets allocations fail, as the file that NO_MEMORY names says. It holds
 * three numbers of 64 bits, which a test sets while the program runs: how many allocations
 * succeed before one fails (below 0: none fails), whether all that follow fail as well, and
 * how many have failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    _Atomic int64_t left, all, failed;
};

static struct plan *plan;
static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("NO_MEMORY");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *at =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    if (at != MAP_FAILED)
        plan = at;
}

/*
 * libcurl 7.88 divides by zero if there is no memory for a hash, libcrypto 3.0 crashes while it
 * begins, and AddressSanitizer cannot begin a thread then, as for looking a name up.
 */
static int is_spared(const void *caller)
{
    Dl_info info;

    return gettid() != getpid() ||
           (dladdr(caller, &info) && info.dli_fname &&
            (strstr(info.dli_fname, "libcurl") || strstr(info.dli_fname, "libcrypto")));
}

static int fails(const void *caller)
{
    if (!plan || plan->left < 0 || is_spared(caller))
        return 0;
    if (plan->left > 0) {
        plan->left--;
        return 0;
    }
    if (!plan->all)
        plan->left = -1;
    plan->failed++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    if (!next_malloc)
        *(void **)&next_malloc = dlsym(RTLD_NEXT, "malloc");
    return fails(__builtin_return_address(0)) ? NULL : next_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (!next_calloc)
        *(void **)&next_calloc = dlsym(RTLD_NEXT, "calloc");
    return fails(__builtin_return_address(0)) ? NULL : next_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    if (!next_realloc)
        *(void **)&next_realloc = dlsym(RTLD_NEXT, "realloc");
    return fails(__builtin_return_address(0)) ? NULL : next_realloc(at, size);
}
