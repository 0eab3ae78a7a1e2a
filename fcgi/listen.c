/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "listen.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    SOCKET_MODE = 0660,
    ACCEPT_MS = 10,  /* an accept waits no longer, if it waits */
    HANDED_OVER = 3, /* SD_LISTEN_FDS_START */
};

bool listen_is_listening(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

int listen_prepare(int fd)
{
    struct timeval soon = {.tv_usec = ACCEPT_MS * 1000};
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) != 0)
        return errno;
    /* Linux hands the option down to accepted sockets; on a Unix socket it fails, and is moot. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

int listen_accept(int fd, struct sockaddr_storage *peer)
{
    static const struct timeval none = {0};
    socklen_t len = sizeof *peer;
    peer->ss_family = AF_UNSPEC;
    /* Each time, for O_NONBLOCK is everybody's. If it is cleared in between, there is the limit. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return -1;
    int accepted = accept4(fd, (struct sockaddr *)peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0 && peer->ss_family != AF_UNIX) /* that one hands no limit down */
        setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    return accepted;
}

__attribute__((format(printf, 2, 3))) static bool refuse(char *message, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, LISTEN_MESSAGE_MAX, format, args);
    va_end(args);
    return false;
}

/* Whether a process listens on the socket file. In doubt, yes. */
static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    int refused = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool nobody = refused != 0 && errno == ECONNREFUSED;
    close(fd);
    return !nobody;
}

/* Removes a socket file that a process has left behind. */
static bool clear_way(const struct sockaddr_un *address, char *message)
{
    struct stat found;
    const char *path = address->sun_path;
    if (lstat(path, &found) != 0)
        return errno == ENOENT || refuse(message, "%s: %s.", path, strerror(errno));
    if (!S_ISSOCK(found.st_mode))
        return refuse(message, "%s is there already and is no socket; give --listen another path.",
                      path);
    if (somebody_listens(address))
        return refuse(message,
                      "Another process listens on %s already; stop it, or give --listen "
                      "another path.",
                      path);
    if (unlink(path) != 0)
        return refuse(message, "The old socket %s cannot be removed: %s.", path, strerror(errno));
    return true;
}

static bool bind_file(struct listener *listener, const struct sockaddr_un *address, char *message)
{
    struct stat made;
    mode_t mask = umask(0777 & ~SOCKET_MODE);
    int failed = bind(listener->fd, (const struct sockaddr *)address, sizeof *address);
    int error = errno;
    umask(mask);
    if (failed)
        return refuse(message, "The socket %s cannot be made: %s.", address->sun_path,
                      strerror(error));
    listener->path = strdup(address->sun_path);
    if (!listener->path || lstat(listener->path, &made) != 0)
        return refuse(message, "%s: %s.", address->sun_path, strerror(errno));
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    return true;
}

static bool listen_at_path(struct listener *listener, const char *path, char *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return refuse(message, "The path %s is too long for a socket (%zu bytes at most).", path,
                      sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return refuse(message, "A socket cannot be made: %s.", strerror(errno));
    return clear_way(&address, message) && bind_file(listener, &address, message) &&
           (listen(listener->fd, BACKLOG) == 0 ||
            refuse(message, "Listening on %s failed: %s.", path, strerror(errno)));
}

bool listen_parse(struct listen_address *parsed, const char *address)
{
    char *text = parsed->text;
    if ((size_t)snprintf(text, sizeof parsed->text, "%s", address) >= sizeof parsed->text)
        return false;
    char *colon = strrchr(text, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || atoi(colon + 1) > 65535)
        return false;
    *colon = '\0';
    parsed->host = text;
    parsed->port = colon + 1;
    if (*text == '[') {
        parsed->host = text + 1;
        if (colon[-1] != ']')
            return false;
        colon[-1] = '\0';
        return true;
    }
    return !strchr(text, ':');
}

static bool listen_on(struct listener *listener, const struct addrinfo *at, const char *address,
                      char *message)
{
    int on = 1;
    listener->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return refuse(message, "A socket cannot be made: %s.", strerror(errno));
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener->fd, at->ai_addr, at->ai_addrlen) != 0 || listen(listener->fd, BACKLOG) != 0)
        return refuse(message, "Listening on %s failed: %s.", address, strerror(errno));
    return true;
}

static bool listen_at_port(struct listener *listener, const char *address, char *message)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    struct listen_address parsed;
    if (!listen_parse(&parsed, address))
        return refuse(message,
                      "--listen takes a path with a slash in it, HOST:PORT or "
                      "[IPV6]:PORT, not \"%.100s\".",
                      address);
    int error = getaddrinfo(*parsed.host ? parsed.host : "127.0.0.1", parsed.port, &hints, &found);
    if (error)
        return refuse(message, "The host of %s is not known: %s.", address, gai_strerror(error));
    bool listening = listen_on(listener, found, address, message);
    freeaddrinfo(found);
    return listening;
}

/* How many descriptors systemd has handed to this process, and forgets of them. */
static long take_handed_over(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    bool ours = pid && strtol(pid, NULL, 10) == (long)getpid();
    long handed = ours && count ? strtol(count, NULL, 10) : 0;
    if (ours) {
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
    }
    return handed;
}

bool listen_inherited(struct listener *listener, char message[LISTEN_MESSAGE_MAX])
{
    long handed = take_handed_over();
    *listener = (struct listener){.fd = -1};
    if (handed > 1)
        return refuse(message,
                      "systemd has handed over %ld sockets, but a process serves one; give each "
                      "socket a service of its own.",
                      handed);
    if (handed == 1) {
        if (!listen_is_listening(HANDED_OVER))
            return refuse(message, "What systemd has handed over is no listening stream socket; "
                                   "its socket unit needs ListenStream= and Accept=no.");
        fcntl(HANDED_OVER, F_SETFD, FD_CLOEXEC);
        listener->fd = HANDED_OVER;
    } else if (listen_is_listening(STDIN_FILENO)) {
        listener->fd = STDIN_FILENO;
    }
    return true;
}

bool listen_at(struct listener *listener, const char *address, char message[LISTEN_MESSAGE_MAX])
{
    *listener = (struct listener){.fd = -1};
    bool listening = strchr(address, '/') ? listen_at_path(listener, address, message)
                                          : listen_at_port(listener, address, message);
    if (!listening)
        listen_done(listener);
    return listening;
}

void listen_done(struct listener *listener)
{
    struct stat there;
    if (listener->fd >= 0)
        close(listener->fd);
    /* A successor may have put its own socket there. */
    if (listener->path && lstat(listener->path, &there) == 0 && there.st_dev == listener->device &&
        there.st_ino == listener->inode)
        unlink(listener->path);
    free(listener->path);
    *listener = (struct listener){.fd = -1};
}
