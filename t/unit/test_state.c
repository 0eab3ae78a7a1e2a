/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories are trusted with what running processes share. */
#include "state/state.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

enum { STRANGER = 12345, SOMEBODY = 23456, CIFS = (int)0xFF534D42 };

static char folder[] = "/tmp/signpost-state-XXXXXX";
static struct why why;

/* What the file system is said to be; 0: an error. */
static long file_system = EXT4_SUPER_MAGIC;

/* In place of the C library's. */
int fstatfs(int fd, struct statfs *fs)
{
    (void)fd;
    if (file_system == 0)
        return -1;
    *fs = (struct statfs){.f_type = file_system};
    return 0;
}

static bool opens(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    why.text[0] = '\0';
    int fd = state_open(path, &why);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void make(const char *name, mode_t mode)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0700);
    chmod(path, mode);
}

static void test_modes(void)
{
    static const struct {
        mode_t mode;
        bool good;
    } samples[] = {{0700, true},  {0755, true},  {02770, true},  {0770, false}, {0777, false},
                   {0775, false}, {0757, false}, {01777, false}, {02777, false}};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        char name[16];
        snprintf(name, sizeof name, "%04o", (unsigned)samples[i].mode);
        make(name, samples[i].mode);
        ok(opens(name) == samples[i].good, "mode %s %s", name,
           samples[i].good ? "will do" : "will not do");
        if (!samples[i].good)
            like(why.text, "it must belong to the web server's user", "… it is told why");
        make(name, 0700);
    }
}

static void test_what_it_is(void)
{
    char path[128], link[128];

    snprintf(path, sizeof path, "%s/file", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    ok(!opens("file"), "a file is none");
    snprintf(path, sizeof path, "%s/0700", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    ok(symlink(path, link) == 0 && !opens("link"), "nor is a symbolic link, whatever it leads to");
    like(why.text, "cannot be opened: Not a directory.", "… it is told why");
    ok(!opens("nothing"), "nor what is not there");
    like(why.text,
         "cannot be opened: No such file or directory; make it, for the web server's user",
         "… it is told why, and what to do");
}

static void test_network(void)
{
    static const struct {
        const char *name;
        long type;
    } samples[] = {{"NFS", NFS_SUPER_MAGIC},
                   {"SMB", SMB_SUPER_MAGIC},
                   {"CIFS", CIFS},
                   {"CIFS, as some see it", (long)(unsigned)CIFS},
                   {"one that does not tell", 0}};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        file_system = samples[i].type;
        ok(!opens("0700"), "on %s it is refused", samples[i].name);
        like(why.text, "is on a network file system: choose a local one", "… it is told why");
    }
    file_system = TMPFS_MAGIC;
    ok(opens("0700"), "in memory it will do");
    file_system = EXT4_SUPER_MAGIC;
}

/* The number of checks that fail for another user, in one of these groups. */
static int failures_for_somebody(void)
{
    const gid_t groups[] = {STRANGER + 1};
    int failed = 0;

    if (setgroups(1, groups) != 0 || setgid(SOMEBODY) != 0 || setuid(SOMEBODY) != 0)
        return 99;
    failed += opens("foreign");
    failed += !opens("roots");
    failed += opens("roots-open");
    failed += !opens("own");
    failed += !opens("group");
    failed += opens("other-group");
    return failed;
}

static void test_owners(void)
{
    static const struct {
        const char *name;
        uid_t user;
        gid_t group;
        mode_t mode;
    } all[] = {{"foreign", STRANGER, STRANGER, 0755},
               {"roots", 0, 0, 0755},
               {"roots-open", 0, 0, 0775},
               {"own", SOMEBODY, SOMEBODY, 0700},
               {"group", STRANGER, STRANGER + 1, 02770},
               {"other-group", STRANGER, STRANGER, 02770}};
    int status = 0;

    if (geteuid() != 0) {
        skip(1, "only root can be somebody else");
        return;
    }
    chmod(folder, 0755);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[128];
        make(all[i].name, all[i].mode);
        snprintf(path, sizeof path, "%s/%s", folder, all[i].name);
        ok(chown(path, all[i].user, all[i].group) == 0 && chmod(path, all[i].mode) == 0, "(%s)",
           all[i].name);
    }
    fflush(stdout); /* else valgrind has the child print it, too */
    pid_t child = fork();
    if (child == 0)
        _exit(failures_for_somebody());
    waitpid(child, &status, 0);
    cmp_ok(WEXITSTATUS(status), ==, 0,
           "one's own, root's and that of one's group with 2770 will do; others' will not");
}

/* What a process does that stays, when the directory changes under it. */
static void test_looking_again(void)
{
    char path[128], other[128], link[128];
    struct state state;

    snprintf(path, sizeof path, "%s/stays", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(link, sizeof link, "%s/stays/", folder);
    state_begin(&state, path);
    ok(state.fd < 0 && state.is_missing, "there is none yet");
    ok(!state_look(&state), "which is no news");
    make("stays", 0700);
    ok(state_look(&state) && state.fd >= 0, "one has come");
    ino_t first = state.inode;
    ok(!state_look(&state) && state.inode == first, "it is the same the next time");
    chmod(path, 0777);
    ok(state_look(&state) && state.fd < 0, "one that all may write to is used no longer");
    like(state.why.text, "mode 0777", "it is told why");
    ok(!state_look(&state), "once");
    chmod(path, 0700);
    ok(state_look(&state) && state.fd >= 0, "mended, it is used again");
    rename(path, other);
    ok(state_look(&state) && state.fd < 0 && state.is_missing, "it has been moved away");
    make("stays", 0777);
    ok(state_look(&state) && state.fd < 0, "a foreign one in its place is refused");
    rmdir(path);
    make("stays", 02770);
    ok(state_look(&state) && state.fd >= 0 && state.inode != first, "a rightful one is taken");
    ok(state.for_group, "for its group, if it is the group's");
    rmdir(path);
    make("stays", 0700);
    ok(state_look(&state) && state.fd >= 0, "removed and made anew, it is taken at once");
    ok(!state.for_group, "as what it is now");
    rmdir(path);
    ok(symlink(other, path) == 0 && state_look(&state) && state.fd < 0,
       "a symbolic link is refused");
    state_end(&state);
    state_begin(&state, link);
    ok(state.fd < 0, "even with a slash behind its name");
    state_end(&state);
    cmp_ok(state.fd, ==, -1, "at the end it is closed");
    int input = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    make("zero", 0700);
    snprintf(path, sizeof path, "%s/zero", folder);
    state_begin(&state, path);
    cmp_ok(state.fd, ==, 0, "it may have the descriptor 0");
    state_end(&state);
    ok(fcntl(STDIN_FILENO, F_GETFD) < 0, "which is closed, too");
    if (input >= 0)
        dup2(input, STDIN_FILENO), close(input);
}

int main(void)
{
    char command[64];

    if (!mkdtemp(folder))
        return 1;
    test_modes();
    test_what_it_is();
    test_network();
    test_owners();
    test_looking_again();
    snprintf(command, sizeof command, "rm -r %s", folder);
    cmp_ok(system(command), ==, 0, "(removed)");
    return done_testing();
}
