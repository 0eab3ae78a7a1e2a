/* SPDX-License-Identifier: Apache-2.0 */
/* Adding to an index file: what comes of it, and several writers at once. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../tap.h"
#include "cmd/index/index_merge.h"
#include "state/index_file.h"

enum { WRITERS = 4, TURNS = 25, TEXT = 7 + 64 + 1 };

static char folder[] = "/tmp/signpost-merge-XXXXXX";
static char path[64];

static char *digest(unsigned number)
{
    static char text[64][TEXT];
    static unsigned turn;
    char *to = text[turn++ % 64];

    snprintf(to, TEXT, "sha256:%064x", number);
    return to;
}

static char *contents(void)
{
    static char text[65536];
    FILE *file = fopen(path, "r");

    text[file ? fread(text, 1, sizeof text - 1, file) : 0] = '\0';
    if (file)
        fclose(file);
    return text;
}

static void test_merging(void)
{
    struct index_merged merged;
    struct why why = {""};
    struct stat first, second;
    char expected[8 * TEXT + 1];

    ok(index_merge(path, NULL, 0, &merged, &why) && merged.all == 0, "nothing added to no file");
    is(contents(), "", "makes an empty one");
    char *some[] = {digest(2), digest(5)};
    ok(index_merge(path, some, 2, &merged, &why), "two digests") || (diag("%s", why.text), 0);
    ok(merged.added == 2 && merged.all == 2, "are added");
    char *more[] = {digest(1), digest(2), digest(3), digest(9)};
    ok(index_merge(path, more, 4, &merged, &why) && merged.added == 3 && merged.all == 5,
       "four, of which one is there already");
    snprintf(expected, sizeof expected, "%s\n%s\n", digest(1), digest(2));
    snprintf(expected + 2 * TEXT, sizeof expected - 2 * TEXT, "%s\n%s\n%s\n", digest(3), digest(5),
             digest(9));
    is(contents(), expected, "stand in their order");
    stat(path, &first);
    ok(index_merge(path, more, 4, &merged, &why) && merged.added == 0 && merged.all == 5,
       "all of them again");
    stat(path, &second);
    ok(first.st_ino == second.st_ino, "leave the file alone");
    ok(index_merge(path, more, 0, &merged, &why) && merged.all == 5, "as do none");
}

static void test_comments(void)
{
    struct index_merged merged;
    struct why why;
    char *two[] = {digest(1), digest(3)}, expected[4 * TEXT + 100];
    FILE *file = fopen(path, "w");

    fprintf(file, "# registry=a serial=1\n# registry=b serial=2\n%s\n", digest(2));
    fclose(file);
    ok(index_merge(path, two, 2, &merged, &why) && merged.added == 2 && merged.all == 3,
       "lines are added below comments") ||
        (diag("%s", why.text), 0);
    snprintf(expected, sizeof expected,
             "# registry=a serial=1\n# registry=b serial=2\n%s\n%s\n%s\n", digest(1), digest(2),
             digest(3));
    is(contents(), expected, "which stay above all");
}

static void test_bad(void)
{
    struct index_merged merged;
    struct why why;
    char *one[] = {digest(1)};
    FILE *file = fopen(path, "w");

    fputs("something else\n", file);
    fclose(file);
    ok(!index_merge(path, one, 1, &merged, &why), "a file that is no index");
    like(why.text, ":1: \"something else\" is no line of an index", "is refused");
    is(contents(), "something else\n", "and stays as it is");
    ok(!index_merge("/no-such-folder/index", one, 1, &merged, &why), "a folder that is not there");
    like(why.text, "cannot be written: No such file", "is reported");
}

static void write_some(unsigned writer)
{
    struct index_merged merged;
    struct why why;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        char *one[] = {digest(turn * WRITERS + writer)};
        if (!index_merge(path, one, 1, &merged, &why)) {
            fprintf(stderr, "# %s\n", why.text);
            _exit(1);
        }
    }
    _exit(0);
}

static void test_several(void)
{
    struct index_file file;
    struct index_counts counts = {0};
    struct why why;
    int status, failures = 0;

    unlink(path);
    fflush(NULL);
    for (unsigned i = 0; i < WRITERS; i++)
        if (fork() == 0)
            write_some(i);
    while (wait(&status) > 0)
        failures += status != 0;
    cmp_ok(failures, ==, 0, "several writers");
    ok(index_file_open(&file, path, &why) && index_file_check(&file, path, &counts, &why),
       "leave a good index");
    cmp_ok(counts.all, ==, WRITERS * TURNS, "with all that each has added");
    index_file_close(&file);
}

/* Whoever may read the index may lock it, but not what writers lock. */
static void test_locked(void)
{
    struct index_merged merged;
    struct why why;
    char *some[] = {digest(7)}, lock[80];
    struct timespec began, now;

    unlink(path);
    ok(index_merge(path, some, 1, &merged, &why), "an index");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ok(flock(fd, LOCK_EX) == 0, "that another process has locked");
    alarm(30);
    some[0] = digest(8);
    ok(index_merge(path, some, 1, &merged, &why) && merged.all == 2, "can be added to");
    close(fd);
    snprintf(lock, sizeof lock, "%s/.index.lock", folder);
    fd = open(lock, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    ok(flock(fd, LOCK_EX) == 0, "while another one has the writers' lock");
    clock_gettime(CLOCK_MONOTONIC, &began);
    ok(!index_merge(path, some, 1, &merged, &why), "nobody else can add");
    clock_gettime(CLOCK_MONOTONIC, &now);
    ok(now.tv_sec - began.tv_sec < 10, "which is said after two seconds");
    like(why.text, ".index.lock is in use by process", "with who has it");
    unlink(lock);
    close(fd);
    alarm(0);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/index", folder);
    test_merging();
    test_comments();
    test_bad();
    test_several();
    test_locked();
    unlink(path);
    ok(rmdir(folder) == 0, "nothing else is left in the folder");
    return done_testing();
}
