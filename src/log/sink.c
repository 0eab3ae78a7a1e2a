/* SPDX-License-Identifier: Apache-2.0 */
#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { DATAGRAMS = 32 }; /* sent in one call */

static void replace(struct sink *sink, struct sink with)
{
    sink_close(sink);
    *sink = with;
}

static enum sink_kind kind_of(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0 || S_ISREG(status.st_mode))
        return SINK_FILE;
    return S_ISSOCK(status.st_mode) ? SINK_STREAM : SINK_PIPE;
}

/* A line that was cut off, by a full disk and then a kill, is to stay one of its own. */
static void end_last_line(int fd, const char *path)
{
    struct stat status;
    char last = '\n';
    int old = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0
                  ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                  : -1;

    if (old < 0)
        return;
    if (pread(old, &last, 1, status.st_size - 1) == 1 && last != '\n')
        (void)!write(fd, "\n", 1);
    close(old);
}

bool sink_open_file(struct sink *sink, const char *path, struct why *why)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);

    if (fd < 0)
        return why_not(why, "The log %s cannot be opened: %s.", path, strerror(errno));
    end_last_line(fd, path);
    replace(sink, (struct sink){.fd = fd, .kind = kind_of(fd), .own = true});
    /* cppcheck-suppress resourceLeak; the sink owns it */
    return true;
}

/*
 * A pipe or a terminal is opened anew, if that is allowed, so as not to wait at it:
 * O_NONBLOCK on the descriptor itself would be others' as well. Another user's pipe, such
 * as a container's, may not be opened: splice() can be told not to wait each time.
 */
void sink_open_descriptor(struct sink *sink, int fd)
{
    struct sink found = {.fd = fd, .kind = kind_of(fd)};
    struct stat status;
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = found.kind == SINK_PIPE
                  ? open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                  : -1;
    if (own >= 0) {
        found.fd = own;
        found.own = true;
    } else if (found.kind == SINK_PIPE && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
               pipe2(found.relay, O_NONBLOCK | O_CLOEXEC) == 0) {
        found.kind = SINK_SHARED;
    }
    replace(sink, found);
}

bool sink_open_syslog(struct sink *sink, const char *path, struct why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        replace(sink, (struct sink){.fd = fd, .kind = SINK_DATAGRAM, .own = true});
        return true;
    }
    why_not(why, "The syslog daemon cannot be reached at %s: %s.", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

void sink_close(struct sink *sink)
{
    if (sink->own && sink->fd >= 0)
        close(sink->fd);
    if (sink->fd >= 0 && sink->kind == SINK_SHARED) {
        close(sink->relay[0]);
        close(sink->relay[1]);
    }
    *sink = (struct sink){.fd = -1};
}

/* ---- writing ---- */

/* Bytes up to the last line end within the first max. */
static size_t whole_lines(const char *lines, size_t len, size_t max)
{
    if (len <= max)
        return len;
    const char *end = memrchr(lines, '\n', max);
    return end ? (size_t)(end - lines) + 1 : max;
}

/* Through a pipe of our own, from which all is taken in one piece or nothing. */
static ssize_t splice_some(const struct sink *sink, const char *lines, size_t len)
{
    char left[PIPE_BUF];
    ssize_t held = write(sink->relay[1], lines, whole_lines(lines, len, PIPE_BUF));
    if (held <= 0)
        return held;
    ssize_t taken = splice(sink->relay[0], NULL, sink->fd, NULL, (size_t)held, SPLICE_F_NONBLOCK);
    int error = errno;
    if (taken < held && read(sink->relay[0], left, sizeof left) < 0)
        return -1;
    errno = error;
    return taken;
}

static ssize_t write_some(const struct sink *sink, const char *lines, size_t len)
{
    struct pollfd room = {.fd = sink->fd, .events = POLLOUT};

    if (sink->kind == SINK_STREAM)
        return send(sink->fd, lines, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sink->kind == SINK_FILE)
        return write(sink->fd, lines, len);
    if (sink->kind == SINK_SHARED)
        return splice_some(sink, lines, len);
    /* The descriptor may be one that blocks; where poll says so, there is room for PIPE_BUF. */
    if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT)) {
        errno = EAGAIN;
        return -1;
    }
    return write(sink->fd, lines, whole_lines(lines, len, PIPE_BUF));
}

/* "<30>Nov 23 20:15:00 signpost.fcgi[123]: ", as syslog(3) writes it. */
static size_t syslog_head(char *head, size_t size)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm parts = {0};

    localtime_r(&now, &parts);
    int len =
        snprintf(head, size, "<%d>%s %2d %02d:%02d:%02d signpost.fcgi[%d]: ", LOG_DAEMON | LOG_INFO,
                 months[parts.tm_mon % 12], parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, (int)getpid());
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static size_t send_datagrams(const struct sink *sink, char *lines, size_t len)
{
    char head[64];
    struct iovec parts[DATAGRAMS][2];
    struct mmsghdr message[DATAGRAMS] = {0};
    size_t head_len = syslog_head(head, sizeof head), at = 0, taken = 0;
    unsigned count = 0;

    for (; count < DATAGRAMS && at < len; count++) {
        const char *end = memchr(lines + at, '\n', len - at);
        size_t line = end ? (size_t)(end - lines) - at : len - at;
        parts[count][0] = (struct iovec){head, head_len};
        parts[count][1] = (struct iovec){lines + at, line};
        message[count].msg_hdr = (struct msghdr){.msg_iov = parts[count], .msg_iovlen = 2};
        at += line + (end ? 1 : 0);
    }
    int sent = sendmmsg(sink->fd, message, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (int i = 0; i < sent; i++)
        taken += parts[i][1].iov_len + 1;
    return taken < len ? taken : len;
}

size_t sink_write(const struct sink *sink, char *lines, size_t len)
{
    size_t taken = 0;

    while (taken < len) {
        ssize_t n = sink->kind == SINK_DATAGRAM
                        ? (ssize_t)send_datagrams(sink, lines + taken, len - taken)
                        : write_some(sink, lines + taken, len - taken);
        if (n <= 0)
            break;
        taken += (size_t)n;
    }
    return taken;
}
