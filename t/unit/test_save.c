/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read as a whole, and replaced as a whole. */
#include "config.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "descriptors.h"
#include "ranges/load.h"
#include "ranges/save.h"
#include "tap.h"

static char folder[] = "/tmp/signpost-save-XXXXXX", path[64];
static struct range_error error;

static bool save(const char *text, bool *same)
{
    struct save save;

    if (!save_open(&save, path, &error))
        return false;
    fputs(text, save.file);
    return save_commit(&save, same, &error);
}

static const char *content(void)
{
    static char text[64];
    char *bytes;
    size_t len;

    if (!load_file(path, sizeof text - 1, &bytes, &len, &error))
        return NULL;
    memcpy(text, bytes, len);
    text[len] = '\0';
    free(bytes);
    return text;
}

static mode_t mode(void)
{
    struct stat status;

    return stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

static void test_replaced(void)
{
    struct stat before, after;
    bool same = true;
    int open_before = descriptors_open();

    umask(027);
    ok(save("one", &same) && !same, "a new file is written");
    is(content(), "one", "with what it was to have");
    cmp_ok(mode(), ==, 0640, "with the mode that umask leaves");
    chmod(path, 0604);
    ok(save("two\n", &same) && !same, "it is replaced by one that is longer");
    is(content(), "two\n", "with other bytes");
    cmp_ok(mode(), ==, 0604, "and keeps its mode");
    stat(path, &before);
    ok(save("two\n", &same) && same, "the same bytes again");
    stat(path, &after);
    ok(before.st_ino == after.st_ino, "leave the file alone");
    ok(save("two", &same) && !same, "a part of its bytes is something else");
    is(content(), "two", "and written");
    ok(save("owt", NULL), "so are other bytes");
    cmp_ok(descriptors_open(), ==, open_before, "no descriptor is left open");
}

static void test_abandoned(void)
{
    struct save save;
    int open_before = descriptors_open();

    ok(save_open(&save, path, &error), "a file is begun");
    fputs("three", save.file);
    save_abandon(&save);
    is(content(), "owt", "and dropped: the old one stays");
    cmp_ok(descriptors_open(), ==, open_before, "no descriptor is left open");
}

static void check_no_descriptors(void)
{
    struct save save;
    struct rlimit before, limit;
    int lowest = dup(STDERR_FILENO);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    limit = (struct rlimit){(rlim_t)lowest + 2, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    ok(!save_open(&save, path, &error), "without descriptors");
    setrlimit(RLIMIT_NOFILE, &before);
    like(error.text, "Too many open files", "as is said");
}

static void test_refused(void)
{
    struct save save;
    char *bytes = path;
    size_t len;
    int open_before = descriptors_open();

    ok(!save_open(&save, folder, &error), "a folder is no file");
    like(error.text, "is not a regular file; give another name", "as is said");
    ok(!save_open(&save, "/nowhere/file", &error), "in a folder that is absent");
    like(error.text, "/nowhere", "nothing can be written");
    ok(!load_file(path, 2, &bytes, &len, &error) && !bytes, "a file that is too large");
    like(error.text, "is larger than", "as is said");
    ok(!load_file("/nowhere", 2, &bytes, &len, &error) && !bytes, "a file that is absent");
    like(error.text, "/nowhere cannot be read: No such file", "as is said");
    ok(load_file(path, 3, &bytes, &len, &error) && len == 3, "one that is just not too large");
    free(bytes);
    ok(!load_file(folder, 2, &bytes, &len, &error) && !bytes, "a folder cannot be read");
    if (getenv("SIGNPOST_VALGRIND"))
        skip(2, "valgrind opens a file before it looks at the limit");
    else
        check_no_descriptors();
    if (geteuid() != 0) {
        skip(2, "needs root");
    } else {
        bool left = seteuid(12345) == 0;
        ok(!save_open(&save, path, &error) && left, "where one may not write");
        like(error.text, "cannot be written: Permission denied", "as is said");
        if (seteuid(0) != 0)
            diag("the user cannot be changed back");
    }
    cmp_ok(descriptors_open(), ==, open_before, "no descriptor is left open");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    test_replaced();
    test_abandoned();
    test_refused();
    unlink(path);
    ok(rmdir(folder) == 0, "nothing is left behind");
    return done_testing();
}
