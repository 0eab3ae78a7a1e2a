/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: lets one of the system calls that change what is under the folder
 * FAULTY_DISK_FOLDER fail, or the machine lose its power at it, as the file that FAULTY_DISK
 * names says (struct plan, which a test sets while the program runs). Calls are caught by
 * seccomp, since the C library's streams make theirs without a function that could be replaced.
 *
 * What a power loss takes away is what was not synced: of names, until their folder is; of
 * bytes, until their file is. The program's end counts as one more call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARGUMENTS(c)                                                                               \
    {                                                                                              \
        c->gregs[REG_RDI], c->gregs[REG_RSI], c->gregs[REG_RDX], c->gregs[REG_R10],                \
            c->gregs[REG_R8]                                                                       \
    }
#define RESULT(c) c->gregs[REG_RAX]
#elif defined(__aarch64__)
#define ARGUMENTS(c)                                                                               \
    {                                                                                              \
        c->regs[0], c->regs[1], c->regs[2], c->regs[3], c->regs[4]                                 \
    }
#define RESULT(c) c->regs[0]
#else
#error "How a system call's arguments are passed here is not known."
#endif

enum {
    OURS = 0x5157a11, /* in the sixth argument, which no call that is caught has */
    KILL = 1000,      /* below: an errno */
    LOSE_NAMES,       /* power loss */
    LOSE_BYTES,
    LOSE_BOTH,
    SHORT, /* half of what is to be written */
    FULL,  /* the same; from then on ENOSPC */
    RECORDS = 64,
    PATH = 1024
};

struct plan {
    _Atomic int64_t at;    /* the call at which it happens, the first is 1; 0: never */
    _Atomic int64_t fault; /* what happens */
    _Atomic int64_t until; /* the last call at which it does */
    _Atomic int64_t calls; /* that there were */
    _Atomic int64_t hits;  /* that failed */
    char name[PATH];       /* of the last one that failed */
    char kinds[PATH];      /* the first letter of each call's name, in turn */
};

static struct plan *plan;
static char folder[PATH];
static size_t folder_len;

/* A change of a name that its folder's fsync makes last. */
struct change {
    enum { MADE, MOVED, GONE } kind;
    char path[PATH], from[PATH]; /* from: of MOVED */
    int former;                  /* what had the name before; -1: nothing */
};
static struct change changes[RECORDS];
static unsigned change_count;

/* A file that was written to. */
static struct {
    ino_t inode;
    int fd;
    off_t synced; /* its length on the disk; -1: unused */
} written[RECORDS];

static const struct {
    int number;
    const char *name;
    enum { OPEN, WRITE, RENAME, SYNC, LENGTH, CLOSE, FOLDER, REMOVE, LINK } kind;
    signed char directory, path; /* the arguments that name the file; -1: none */
} caught[] = {
    {SYS_openat, "openat", OPEN, 0, 1},
    {SYS_write, "write", WRITE, 0, -1},
    {SYS_pwrite64, "pwrite", WRITE, 0, -1},
    {SYS_writev, "writev", WRITE, 0, -1},
    {SYS_renameat2, "renameat2", RENAME, 2, 3},
    {SYS_fsync, "fsync", SYNC, 0, -1},
    {SYS_fdatasync, "fdatasync", SYNC, 0, -1},
    {SYS_ftruncate, "ftruncate", LENGTH, 0, -1},
    {SYS_fallocate, "fallocate", LENGTH, 0, -1},
    {SYS_fchmod, "fchmod", LENGTH, 0, -1},
    {SYS_close, "close", CLOSE, 0, -1},
    {SYS_mkdirat, "mkdirat", FOLDER, 0, 1},
    {SYS_unlinkat, "unlinkat", REMOVE, 0, 1},
    {SYS_linkat, "linkat", LINK, 2, 3},
    {SYS_renameat, "renameat", RENAME, 2, 3},
#ifdef SYS_rename
    {SYS_open, "open", OPEN, -1, 0},
    {SYS_rename, "rename", RENAME, -1, 1},
    {SYS_mkdir, "mkdir", FOLDER, -1, 0},
    {SYS_unlink, "unlink", REMOVE, -1, 0},
    {SYS_link, "link", LINK, -1, 1},
#endif
};
enum { CAUGHT = sizeof caught / sizeof *caught };

static long call(long number, long a, long b, long c, long d, long e)
{
    long result = syscall(number, a, b, c, d, e, (long)OURS);
    return result < 0 ? -errno : result;
}

/* ---- names ---- */

static void path_of_fd(char path[PATH], int fd)
{
    char link[40];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH - 1);
    path[len < 0 ? 0 : len] = 0;
}

static void path_at(char path[PATH], int directory, const char *name)
{
    char base[PATH] = "";

    if (!name)
        name = "";
    if (name[0] != '/' && directory != AT_FDCWD)
        path_of_fd(base, directory);
    else if (name[0] != '/' && !getcwd(base, sizeof base))
        base[0] = 0;
    if (snprintf(path, PATH, "%s%s%s", base, base[0] ? "/" : "", name) >= PATH)
        path[0] = 0;
}

/* The file that a call is about, or where a new name is. */
static void find_path(char path[PATH], unsigned i, const long argument[5])
{
    int directory = caught[i].directory < 0 ? AT_FDCWD : (int)argument[caught[i].directory];

    if (caught[i].path < 0)
        path_of_fd(path, directory);
    else
        path_at(path, directory, (const char *)argument[caught[i].path]);
}

static void find_old_path(char path[PATH], unsigned i, const long argument[5])
{
    if (caught[i].directory < 0)
        path_at(path, AT_FDCWD, (const char *)argument[0]);
    else
        path_at(path, (int)argument[0], (const char *)argument[1]);
}

static int is_ours(const char *path)
{
    return strncmp(path, folder, folder_len) == 0 &&
           (path[folder_len] == '/' || path[folder_len] == 0);
}

/* Whether a call can change anything. */
static int counts(unsigned i, const long argument[5])
{
    long flags = O_RDWR;

    if (caught[i].kind == OPEN)
        flags = argument[caught[i].path + 1] & (O_ACCMODE | O_CREAT);
    else if (caught[i].kind == CLOSE)
        flags = fcntl((int)argument[0], F_GETFL) & O_ACCMODE;
    return flags != O_RDONLY;
}

/* ---- what is not on the disk yet ---- */

/* Opens what is lost sight of otherwise; of its own, so that no lock is held longer. */
static int open_anew(const char *path)
{
    return (int)call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                     0, 0);
}

static void note_change(int kind, const char *path, const char *from, int former)
{
    if (change_count == RECORDS)
        abort();
    struct change *change = &changes[change_count++];
    *change = (struct change){.kind = kind, .former = former};
    memcpy(change->path, path, PATH);
    if (from)
        memcpy(change->from, from, PATH);
}

static void note_written(int fd)
{
    struct stat file;
    char path[40];
    unsigned i = 0, at = RECORDS;

    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
        return;
    for (; i < RECORDS; i++)
        if (written[i].synced < 0)
            at = i;
        else if (written[i].inode == file.st_ino)
            return;
    if (at == RECORDS)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    written[at].fd = (int)call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0);
    written[at].inode = file.st_ino;
    written[at].synced = file.st_size;
}

static int is_in(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

static void note_synced(int fd, const char *path)
{
    struct stat file;
    unsigned kept = 0;

    if (fstat(fd, &file) < 0)
        return;
    for (unsigned i = 0; i < RECORDS; i++)
        if (written[i].synced >= 0 && written[i].inode == file.st_ino) {
            call(SYS_close, written[i].fd, 0, 0, 0, 0);
            written[i].synced = -1;
        }
    for (unsigned i = 0; i < change_count; i++)
        if (!S_ISDIR(file.st_mode) || !is_in(changes[i].path, path))
            changes[kept++] = changes[i];
        else if (changes[i].former >= 0)
            call(SYS_close, changes[i].former, 0, 0, 0, 0);
    change_count = kept;
}

/* Gives a file that has no name any more its name again. */
static void bring_back(int fd, const char *path)
{
    char link[40], bytes[4096];
    struct stat file;
    off_t at = 0;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (call(SYS_linkat, AT_FDCWD, (long)link, AT_FDCWD, (long)path, AT_SYMLINK_FOLLOW) == 0 ||
        fstat(fd, &file) < 0)
        return;
    int copy = (int)call(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC,
                         (long)(file.st_mode & 0777), 0); /* a file without links has none again */
    for (ssize_t n; (n = pread(fd, bytes, sizeof bytes, at)) > 0; at += n)
        call(SYS_write, copy, (long)bytes, n, 0, 0);
}

static void lose_names(void)
{
    while (change_count > 0) {
        struct change *change = &changes[--change_count];
        if (change->kind == MOVED)
            call(SYS_renameat2, AT_FDCWD, (long)change->path, AT_FDCWD, (long)change->from, 0);
        if (change->kind == MADE && call(SYS_unlinkat, AT_FDCWD, (long)change->path, 0, 0, 0) < 0)
            call(SYS_unlinkat, AT_FDCWD, (long)change->path, AT_REMOVEDIR, 0, 0);
        if (change->former >= 0)
            bring_back(change->former, change->path);
    }
}

static void lose_bytes(void)
{
    for (unsigned i = 0; i < RECORDS; i++)
        if (written[i].synced >= 0)
            call(SYS_ftruncate, written[i].fd, (long)written[i].synced, 0, 0, 0);
}

/* ---- the faults ---- */

/* Whether it is time; then the process may have ended. */
static int is_hit(const char *name, const char *path)
{
    int64_t number = ++plan->calls, at = plan->at, fault = plan->fault;

    if (number <= PATH)
        plan->kinds[number - 1] = name[0];
    if (!at || number < at || number > plan->until)
        return 0;
    plan->hits++;
    snprintf(plan->name, sizeof plan->name, "%s %s", name, path);
    if (fault == LOSE_NAMES || fault == LOSE_BOTH)
        lose_names();
    if (fault == LOSE_BYTES || fault == LOSE_BOTH)
        lose_bytes();
    if (fault >= KILL && fault <= LOSE_BOTH)
        kill(getpid(), SIGKILL);
    return (int)fault;
}

/* What a disk of this fault cannot do. */
static int fails(int fault, unsigned i)
{
    if (fault == ENOSPC || fault == EDQUOT)
        return caught[i].kind != REMOVE;
    if (fault == EROFS)
        return caught[i].kind != CLOSE && caught[i].kind != WRITE && caught[i].kind != SYNC;
    return fault == EIO || fault == EINTR;
}

/* Makes the call, and notes what it has done. */
static long make_call(unsigned i, const long argument[5], const char *path)
{
    char from[PATH] = "";
    int kind = caught[i].kind, there = access(path, F_OK) == 0;
    int former = (kind == RENAME || kind == REMOVE) && there ? open_anew(path) : -1;

    if (kind == RENAME)
        find_old_path(from, i, argument);
    if (kind == WRITE || kind == LENGTH)
        note_written((int)argument[0]);
    long result =
        call(caught[i].number, argument[0], argument[1], argument[2], argument[3], argument[4]);
    if (result < 0)
        return result;
    if (kind == RENAME)
        note_change(MOVED, path, from, former);
    else if (kind == REMOVE)
        note_change(GONE, path, NULL, former);
    else if (!there && (kind == OPEN || kind == FOLDER || kind == LINK))
        note_change(MADE, path, NULL, -1);
    else if (kind == SYNC)
        note_synced((int)argument[0], path);
    return result;
}

static long write_half(unsigned i, const long argument[5], const char *path)
{
    long half[5];

    memcpy(half, argument, sizeof half);
    half[2] = (half[2] + 1) / 2; /* bytes, or pieces */
    return make_call(i, half, path);
}

static long stand_in(unsigned i, const long argument[5])
{
    char path[PATH];

    find_path(path, i, argument);
    if (!plan || !is_ours(path) || !counts(i, argument))
        return call(caught[i].number, argument[0], argument[1], argument[2], argument[3],
                    argument[4]);
    int fault = is_hit(caught[i].name, path);
    if (fault == FULL && plan->hits > 1)
        fault = ENOSPC;
    if ((fault == SHORT || fault == FULL) && caught[i].kind == WRITE)
        return write_half(i, argument, path);
    if (!fault || !fails(fault, i))
        return make_call(i, argument, path);
    if (caught[i].kind == CLOSE)
        call(SYS_close, argument[0], 0, 0, 0, 0); /* a close that fails has closed */
    return -fault;
}

static void on_call(int signal, siginfo_t *info, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    const long argument[5] = ARGUMENTS(machine);
    int error = errno;

    (void)signal;
    for (unsigned i = 0; i < CAUGHT; i++)
        if (caught[i].number == info->si_syscall)
            RESULT(machine) = stand_in(i, argument);
    errno = error;
}

static void add(struct sock_fprog *filter, unsigned short code, unsigned what, unsigned char yes,
                unsigned char no)
{
    filter->filter[filter->len++] = (struct sock_filter){code, yes, no, what};
}

static void catch_calls(void)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    struct sock_filter code[CAUGHT + 6];
    struct sock_fprog filter = {.filter = code};
    const unsigned number = offsetof(struct seccomp_data, nr);
    const unsigned ours = offsetof(struct seccomp_data, args[5]); /* its lower half */

    add(&filter, BPF_LD | BPF_W | BPF_ABS, number, 0, 0);
    for (unsigned i = 0; i < CAUGHT; i++)
        add(&filter, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)caught[i].number,
            (unsigned char)(CAUGHT - i), 0);
    add(&filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    add(&filter, BPF_LD | BPF_W | BPF_ABS, ours, 0, 0);
    add(&filter, BPF_JMP | BPF_JEQ | BPF_K, OURS, 0, 1);
    add(&filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    add(&filter, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
    if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
        fprintf(stderr, "faulty-disk: system calls cannot be caught: %s.\n", strerror(errno));
        _exit(125);
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULTY_DISK"), *where = getenv("FAULTY_DISK_FOLDER");
    int fd = name && where ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *at =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; i < RECORDS; i++)
        written[i].synced = -1;
    if (at == MAP_FAILED)
        return;
    snprintf(folder, sizeof folder, "%s", where);
    folder_len = strlen(folder);
    plan = at;
    catch_calls();
}

__attribute__((destructor)) static void end(void)
{
    if (plan)
        is_hit("the end of", program_invocation_short_name);
}
