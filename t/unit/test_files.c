/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a directory that others may write to: opened, replaced and locked without waiting. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core/lock.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "tap.h"

enum { LIMIT_S = 60 /* something waits for what it must not wait for */ };

static char folder[] = "/tmp/signpost-files-XXXXXX";
static int directory;
static struct why why;

static void write_file(const char *name, const char *text)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        diag("%s cannot be written", name);
}

static const char *content(const char *name)
{
    static char text[64];
    int fd = openat(directory, name, O_RDONLY | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    text[len < 0 ? 0 : len] = '\0';
    return text;
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        diag("%s cannot be bound", address.sun_path);
    if (fd >= 0)
        close(fd);
}

static int open_error(const char *name, int flags, off_t most)
{
    int fd = plain_file_open(directory, name, flags, most, NULL);

    if (fd == -1)
        return errno;
    close(fd);
    return 0;
}

static void check_opening(void)
{
    struct stat status;
    char text[16];

    write_file("plain", "12345");
    mkfifoat(directory, "fifo", 0600);
    mkdirat(directory, "folder", 0700);
    make_socket("socket");
    (void)!symlinkat("plain", directory, "link");
    int fd = plain_file_open(directory, "plain", 0, 5, &status);
    ok(fd >= 0 && status.st_size == 5, "a plain file is opened");
    cmp_ok(plain_file_read(fd, text, sizeof text), ==, 5, "and read to its end");
    errno = EINTR; /* left by something else */
    cmp_ok(plain_file_read(fd, text, sizeof text), ==, 0, "where nothing is left");
    ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "for this program alone");
    close(fd);
    cmp_ok(open_error("plain", 0, 4), ==, EFBIG, "one that is larger than it may be is not");
    cmp_ok(open_error("fifo", 0, 5), ==, EINVAL, "nor a FIFO, nor is it waited for");
    cmp_ok(open_error("folder", 0, 5), ==, EINVAL, "nor a directory");
    cmp_ok(open_error("socket", 0, 5), ==, ENXIO, "nor a socket");
    cmp_ok(open_error("nothing", 0, 5), ==, ENOENT, "nor what is not there");
    cmp_ok(open_error("link", 0, 5), ==, 0, "a link is followed, where that is wanted");
    cmp_ok(open_error("link", O_NOFOLLOW, 5), ==, ELOOP, "and only there");
    is(plain_file_error(EINVAL), "it is not a plain file", "the reason is told in words");
    is(plain_file_error(ENOENT), strerror(ENOENT), "in the system's where these are plain");
    ok(plain_file_may_open_later(EMFILE) && !plain_file_may_open_later(ENOENT),
       "some errors pass, some do not");
}

/* A lease (fcntl(2)) makes others wait for 45 s, unless they do not want to. */
static void check_lease(void)
{
    int fd = openat(directory, "plain", O_RDWR), ready[2], done[2];
    char byte = 0;

    if (pipe(ready) < 0 || pipe(done) < 0 || fd < 0)
        diag("no pipe: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        fd = openat(directory, "plain", O_RDWR);
        signal(SIGIO, SIG_IGN);
        byte = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
        (void)!write(ready[1], &byte, 1);
        close(done[1]);
        (void)!read(done[0], &byte, 1);
        _exit(0);
    }
    close(done[0]);
    (void)!read(ready[0], &byte, 1);
    if (byte)
        cmp_ok(open_error("plain", 0, 5), ==, EWOULDBLOCK, "who has a lease is not waited for");
    else
        skip(1, "no lease can be had here");
    close(done[1]);
    waitpid(child, NULL, 0);
}

static bool replace(const char *name, const char *text)
{
    struct replacement new;

    if (!replacement_begin(&new, directory, name, 0644))
        return false;
    fputs(text, new.file);
    return replacement_end(&new, true);
}

static mode_t mode_of(const char *name)
{
    struct stat status;

    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode & 0777 : 0;
}

static void check_replacing(void)
{
    struct replacement new;

    umask(0077);
    ok(replace("new", "first"), "a file is made");
    is(content("new"), "first", "with what was written");
    cmp_ok(mode_of("new"), ==, 0644, "for those who may enter the directory, whatever the umask");
    write_file("victim", "untouched");
    (void)!symlinkat("victim", directory, ".new.new");
    ok(replace("new", "second"), "where a symbolic link has the name of the new file");
    is(content("victim"), "untouched", "what it leads to stays");
    (void)!linkat(directory, "victim", directory, ".new.new", 0);
    ok(replace("new", "third"), "where a hard link has it");
    is(content("victim"), "untouched", "the file stays, too");
    mkfifoat(directory, ".new.new", 0600);
    ok(replace("new", "fourth"), "where a FIFO has it, it is not waited for");
    is(content("new"), "fourth", "and the new file is put in place");
    mkdirat(directory, ".new.new", 0700);
    ok(replace("new", "fifth"), "where a directory has it, another name is taken");
    is(content("new"), "fifth", "for the new file alone");
    unlinkat(directory, ".new.new", AT_REMOVEDIR);
    (void)!symlinkat("victim", directory, "linked");
    ok(replace("linked", "sixth"), "a symbolic link is replaced");
    is(content("victim"), "untouched", "and not followed");
    ok(!replace("folder", "x") && errno == EISDIR, "a directory is not replaced");
    cmp_ok(mode_of(".folder.new"), ==, 0, "and nothing is left of it");
    ok(replacement_begin(&new, directory, "new", 0644), "a file that cannot be written");
    fputs("seventh", new.file);
    close(new.fd);
    ok(!replacement_end(&new, true) && errno == EBADF, "is reported");
    is(content("new"), "fifth", "and the old one stays");
    cmp_ok(mode_of(".new.new"), ==, 0, "alone");
    umask(0022);
}

static void check_owner(void)
{
    enum { SOMEBODY = 65534 };
    struct replacement new;
    struct stat status = {0};

    if (geteuid() != 0 || fchown(directory, SOMEBODY, SOMEBODY) < 0) {
        skip(2, "only root can make files for somebody else");
        return;
    }
    int input = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    int fd = replacement_make(&new, directory, "given", 0600);
    cmp_ok(fd, ==, 0, "a new file has the descriptor that is free");
    ok(fstat(fd, &status) == 0 && status.st_uid == SOMEBODY && status.st_gid == SOMEBODY,
       "and belongs to whom the directory belongs to");
    replacement_drop(&new);
    close(fd);
    if (input >= 0)
        dup2(input, STDIN_FILENO), close(input);
    (void)!fchown(directory, 0, 0);
}

static void check_locking(void)
{
    int fd = lock_take(directory, folder, "lock", 0, &why);

    ok(fd >= 0, "a lock is taken");
    cmp_ok(mode_of("lock"), ==, 0600, "which nobody else can open");
    cmp_ok(lock_holder(directory, "lock"), ==, getpid(), "it is known who has it");
    struct timespec began, now;
    clock_gettime(CLOCK_MONOTONIC, &began);
    ok(lock_take(directory, folder, "lock", 300, &why) < 0 && errno == EWOULDBLOCK,
       "a second one is not");
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
    ok(ms >= 300 && ms < 5000, "after some patience (%ld ms)", ms);
    like(why.text, "/lock is in use by process", "it is told why");
    close(fd);
    fd = lock_take(directory, folder, "lock", 0, &why);
    ok(fd >= 0, "once it is free it can be had again");
    unlinkat(directory, "lock", 0);
    int second = lock_take(directory, folder, "lock", 0, &why);
    ok(second >= 0, "one whose file was removed is another one");
    close(second);
    close(fd);
    fchmodat(directory, "lock", 0666, 0);
    close(lock_take(directory, folder, "lock", 0, &why));
    cmp_ok(mode_of("lock"), ==, 0600, "one that all could open is closed to them");
    fchmod(directory, 02770);
    close(lock_take(directory, folder, "lock", 0, &why));
    cmp_ok(mode_of("lock"), ==, 0660, "in a group's directory its members may lock");
    lock_release(directory, "lock", lock_take(directory, folder, "lock", 0, &why));
    cmp_ok(mode_of("lock"), ==, 0, "one that is released is removed");
    fchmod(directory, 0700);
    mkfifoat(directory, "lock-fifo", 0600);
    ok(lock_take(directory, folder, "lock-fifo", 1000, &why) < 0, "a FIFO is no lock");
    like(why.text, "lock-fifo cannot be opened: it is not a plain file", "which is told");
    (void)!symlinkat("plain", directory, "lock-link");
    ok(lock_take(directory, folder, "lock-link", 1000, &why) < 0, "nor is a symbolic link");
    fd = openat(directory, "plain", O_RDWR);
    ok(lock_file(fd, "plain", &why), "an open file is locked");
    second = openat(directory, "plain", O_RDWR);
    ok(!lock_file(second, "plain", &why), "once");
    like(why.text, "plain is in use by process", "it is told by whom");
    close(fd);
    close(second);
}

int main(void)
{
    char command[64];

    if (!mkdtemp(folder))
        return 1;
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    alarm(LIMIT_S);
    check_opening();
    check_lease();
    check_replacing();
    check_owner();
    check_locking();
    snprintf(command, sizeof command, "rm -r %s", folder);
    cmp_ok(system(command), ==, 0, "(removed)");
    return done_testing();
}
