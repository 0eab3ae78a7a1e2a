/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "core/mapped.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct map {
    atomic_uintptr_t at;
    atomic_size_t size; /* 0: free */
    atomic_bool damaged;
};

static struct {
    struct map maps[MAPS_MAX];
    atomic_bool opening, opening_damaged;
    bool installed;
    atomic_uint unmapping; /* threads */
    uintptr_t page_size;
    struct sigaction before;
} guard;

static bool mend(uintptr_t fault)
{
    void *page = (void *)(fault & ~(guard.page_size - 1));

    void *fresh = mmap(page, guard.page_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    /* cppcheck-suppress memleak; it stays there */
    return fresh == page;
}

/* The mark that belongs to an address; NULL if it is in no guarded map. */
static atomic_bool *mark_for(uintptr_t fault)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        struct map *map = &guard.maps[i];
        if (fault - map->at < map->size)
            return &map->damaged;
    }
    return guard.opening ? &guard.opening_damaged : NULL;
}

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    uintptr_t fault = (uintptr_t)info->si_addr;
    atomic_bool *mark = info->si_code == BUS_ADRERR ? mark_for(fault) : NULL;

    (void)context;
    if (mark && mend(fault))
        *mark = true;
    else
        sigaction(signal, &guard.before, NULL); /* the read fails again, and tells them */
    errno = saved;
}

static bool install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (guard.installed)
        return true;
    sigemptyset(&action.sa_mask);
    guard.page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    guard.installed = sigaction(SIGBUS, &action, &guard.before) == 0;
    return guard.installed;
}

int mapped_watch(const void *at, size_t size)
{
    if (!size || !install())
        return -1;
    for (int i = 0; i < MAPS_MAX; i++) {
        struct map *map = &guard.maps[i];
        if (map->size)
            continue;
        map->at = (uintptr_t)at;
        map->damaged = false;
        map->size = size;
        return i;
    }
    return -1;
}

void mapped_unwatch(int map)
{
    if (map >= 0)
        guard.maps[map].size = 0;
}

/* ---- unmapping ---- */

enum { LARGE = 1 << 20, STACK = 128 << 10, THREADS_MAX = 4 };

struct range {
    void *at;
    size_t size;
};

static void *unmap(void *context)
{
    struct range *range = context;

    munmap(range->at, range->size);
    free(range);
    guard.unmapping--;
    return NULL;
}

/* Signals go on to the program's own thread. */
static bool start_detached(void *(*work)(void *), void *context)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, &attributes, work, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

void mapped_release(int map, void *at, size_t size)
{
    bool by_thread = size >= LARGE && guard.unmapping < THREADS_MAX;
    struct range *range = by_thread ? malloc(sizeof *range) : NULL;

    mapped_unwatch(map);
    if (range) {
        *range = (struct range){at, size};
        guard.unmapping++;
        if (start_detached(unmap, range))
            return;
        guard.unmapping--;
        free(range);
    }
    if (size)
        munmap(at, size);
}

bool mapped_is_damaged(int map)
{
    return map >= 0 && atomic_load_explicit(&guard.maps[map].damaged, memory_order_relaxed);
}

bool mapped_opening(void)
{
    guard.opening_damaged = false;
    guard.opening = install();
    return guard.opening;
}

bool mapped_opened(void)
{
    guard.opening = false;
    return !guard.opening_damaged;
}
