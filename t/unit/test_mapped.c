/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped files that are cut short, and how they are let go. */
#include "mapped.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tap.h"

enum { PAGE = 4096, LARGE = 4 << 20, TURNS = 10 * 1000 * 1000 };

static char path[] = "/tmp/signpost-mapped-XXXXXX";

/* A map of a file of so many bytes; aborts where there is none. */
static char *map_file(size_t size)
{
    int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        abort();
    char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        abort();
    return at;
}

static bool is_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    bool found = false;

    while (maps && fgets(line, sizeof line, maps))
        found = found || strstr(line, path);
    if (maps)
        fclose(maps);
    return found;
}

static void test_cut_short(void)
{
    char *at = map_file(4 * PAGE);
    int map = mapped_watch(at, 4 * PAGE);

    ok(map >= 0 && !mapped_is_damaged(map), "a whole file");
    if (truncate(path, PAGE) != 0)
        abort();
    cmp_ok(*(volatile char *)(at + 2 * PAGE), ==, 0, "what was cut off reads as zeros");
    ok(mapped_is_damaged(map), "  and the map is damaged");
    mapped_release(map, at, 4 * PAGE);
    map = mapped_watch(at, PAGE);
    ok(!mapped_is_damaged(map), "which the next one at the same place is not");
    mapped_unwatch(map);
}

static void test_release(void)
{
    static const size_t sizes[] = {PAGE, LARGE};

    for (size_t i = 0; i < 2; i++) {
        char *at = map_file(sizes[i]);
        int map = mapped_watch(at, sizes[i]);
        ok(is_mapped(), "a file of %zu bytes is mapped", sizes[i]);
        mapped_release(map, at, sizes[i]);
        for (int turn = 0; turn < TURNS && is_mapped(); turn++)
            sched_yield();
        ok(!is_mapped(), "  and no longer once it is released");
    }
    mapped_release(-1, NULL, 0);
    ok(true, "nothing is released");
}

int main(void)
{
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    test_cut_short();
    test_release();
    unlink(path);
    done_testing();
}
