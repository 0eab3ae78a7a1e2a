/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped files that another program cuts short. */
#include "core/mapped.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tap.h"

static size_t page;

/* Two pages of a file with nothing but "x", which is deleted; *fd stays open. */
static char *map_file(int *fd)
{
    char name[] = "/tmp/signpost-mapped-XXXXXX", *bytes = malloc(2 * page);

    *fd = mkstemp(name);
    unlink(name);
    memset(bytes, 'x', 2 * page);
    if (*fd < 0 || write(*fd, bytes, 2 * page) != (ssize_t)(2 * page))
        abort();
    free(bytes);
    void *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

/* A byte as it is there now. */
static char byte(const char *at, size_t offset)
{
    return *(const volatile char *)(at + offset);
}

static void cut(int fd, size_t size)
{
    if (ftruncate(fd, (off_t)size) != 0)
        abort();
}

static bool is_unmapped(char *at)
{
    unsigned char is_there;

    return mincore(at, page, &is_there) != 0 && errno == ENOMEM;
}

static void test_watched(void)
{
    int fd, other_fd;
    char *at = map_file(&fd), *other = map_file(&other_fd);
    int map = mapped_watch(at, 2 * page), second = mapped_watch(other, 2 * page);

    ok(map >= 0 && second >= 0 && map != second, "two maps are guarded");
    cut(fd, page);
    ok(byte(at, page - 1) == 'x' && !mapped_is_damaged(map), "what is left of a file can be read");
    cmp_ok(byte(at, page), ==, 0, "what is gone is zeros");
    ok(mapped_is_damaged(map), "the map is known to be damaged");
    ok(!mapped_is_damaged(second), "the other one is not");
    at[page + 1] = 'y';
    ok(byte(at, page + 1) == 'y' && byte(at, 0) == 'x',
       "it can be written to, and the rest is as it was");
    mapped_release(map, at, 2 * page);
    ok(is_unmapped(at), "it is unmapped");
    cmp_ok(mapped_watch(other, 2 * page), ==, map, "its number is free");
    ok(!mapped_is_damaged(map), "and stands for what is not damaged");
    mapped_unwatch(map);
    cut(other_fd, 0);
    cmp_ok(byte(other, 2 * page - 1), ==, 0, "up to the last byte");
    ok(mapped_is_damaged(second), "a map is guarded");
    mapped_release(second, other, 2 * page);
    ok(!mapped_is_damaged(-1), "no map is not damaged");
    close(fd);
    close(other_fd);
}

static void test_opening(void)
{
    int fd;
    char *at = map_file(&fd);

    cut(fd, page);
    ok(mapped_opening(), "while a library opens a file");
    cmp_ok(byte(at, 0), ==, 'x', "reads are as ever");
    ok(mapped_opened(), "and the file is whole");
    mapped_opening();
    cmp_ok(byte(at, page), ==, 0, "what is gone is zeros");
    ok(!mapped_opened(), "and the file is damaged");
    ok(mapped_opening() && mapped_opened(), "the next one is not");
    munmap(at, 2 * page);
    close(fd);
}

/* Whoever reads what nobody guards dies of it. */
static void test_unguarded(void)
{
    int fd, status;
    char *at = map_file(&fd);
    pid_t child = fork();

    if (child == 0) {
        int map = mapped_watch(at, 2 * page);
        mapped_unwatch(map);
        close(STDERR_FILENO);
        cut(fd, page);
        _exit(byte(at, page));
    }
    ok(waitpid(child, &status, 0) == child && status != 0, "what nobody guards is not mended");
    munmap(at, 2 * page);
    close(fd);
}

static void test_many(void)
{
    static char anything[MAPS_MAX + 1];
    unsigned wrong = 0;

    cmp_ok(mapped_watch(anything, 0), ==, -1, "nothing cannot be guarded");
    for (int i = 0; i < MAPS_MAX; i++)
        wrong += mapped_watch(anything + i, 1) != i;
    cmp_ok(wrong, ==, 0, "so many maps have numbers in order");
    cmp_ok(mapped_watch(anything + MAPS_MAX, 1), ==, -1, "one more is too many");
    mapped_unwatch(-1);
    mapped_unwatch(7);
    cmp_ok(mapped_watch(anything, 1), ==, 7, "until one is free");
    for (int i = 0; i < MAPS_MAX; i++)
        mapped_unwatch(i);
}

/* Its memory is given back by a thread of its own. */
static void test_large(void)
{
    enum { LARGE = 1 << 20 };
    char *at = mmap(NULL, LARGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int map = mapped_watch(at, LARGE);

    mapped_release(map, at, LARGE);
    cmp_ok(mapped_watch(at, 1), ==, map, "a large map is guarded no more");
    mapped_unwatch(map);
    time_t end = time(NULL) + 20;
    while (!is_unmapped(at) && time(NULL) < end)
        sched_yield();
    ok(is_unmapped(at), "and unmapped");
    mapped_release(-1, NULL, 0);
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    test_watched();
    test_opening();
    test_unguarded();
    test_many();
    test_large();
    return done_testing();
}
