/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: made at an address, handed over, and taken away again. */
#include "../../fcgi/listen.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tap.h"

static char folder[] = "/tmp/signpost-listen-XXXXXX";
static char message[LISTEN_MESSAGE_MAX];

static const char *path_of(const char *name)
{
    static char path[100];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- addresses ---- */

static const struct {
    const char *text, *host, *port;
} addresses[] = {
    {"127.0.0.1:9000", "127.0.0.1", "9000"},
    {"localhost:0", "localhost", "0"},
    {":65535", "", "65535"},
    {"[::1]:80", "::1", "80"},
    {":65536", NULL, NULL},
    {":000080", NULL, NULL},
    {":00080", "", "00080"},
    {"localhost", NULL, NULL},
    {"localhost:", NULL, NULL},
    {"localhost:http", NULL, NULL},
    {"::1:80", NULL, NULL},
    {"[::1:80", NULL, NULL},
    {"", NULL, NULL},
};

static void test_addresses(void)
{
    struct listen_address parsed;
    char text[sizeof parsed.text + 1];

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        bool right = listen_parse(&parsed, addresses[i].text);
        is(right ? parsed.host : NULL, addresses[i].host, "the host in \"%s\"", addresses[i].text);
        is(right ? parsed.port : NULL, addresses[i].port, "the port");
    }
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - 4, ":80", 4);
    ok(!listen_parse(&parsed, text), "300 bytes are too long");
    ok(listen_parse(&parsed, text + 1), "299 are not");
}

/* ---- sockets of its own ---- */

/* A socket file, which somebody listens on or not. */
static int make_socket(const char *name, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of(name));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (listening && listen(fd, 1) != 0))
        diag("%s cannot be made", address.sun_path);
    return fd;
}

static void test_paths(void)
{
    struct listener listener, second;
    struct stat status;

    ok(listen_at(&listener, path_of("a"), message), "at a path");
    ok(listen_is_listening(listener.fd), "it listens");
    ok(stat(path_of("a"), &status) == 0 && (status.st_mode & 0777) == 0660,
       "for the owner and the group");
    ok(!listen_at(&second, path_of("a"), message) && second.fd == -1, "nobody else can there");
    like(message, "Another process listens on", "as is said");
    ok(access(path_of("a"), F_OK) == 0, "and the socket stays");
    listen_done(&listener);
    ok(access(path_of("a"), F_OK) != 0 && listener.fd == -1, "until it is done with");
    listen_done(&listener);
    ok(!listen_at(&listener, path_of("absent/a"), message), "in a folder that is absent");
    like(message, "cannot be made: No such file", "it cannot be made");
    ok(!listen_at(&listener, "/dev/null", message), "nor where something else is");
    like(message, "is no socket; give --listen another path", "as is said");
    char text[200];
    snprintf(text, sizeof text, "/%0107d", 0);
    ok(!listen_at(&listener, text, message), "nor at a path of 108 bytes");
    like(message, "is too long for a socket (107 bytes at most)", "as is said");
    text[107] = '\0';
    text[1] = '/';
    text[2] = 'x';
    text[3] = '/';
    ok(!listen_at(&listener, text, message), "one of 107");
    like(message, "The socket //x/", "is not too long");
}

static void test_left_behind(void)
{
    struct listener listener;
    struct stat before, after;

    close(make_socket("b", false));
    ok(listen_at(&listener, path_of("b"), message), "where a process has left its socket");
    stat(path_of("b"), &before);
    unlink(path_of("b"));
    int other = make_socket("b", true);
    listen_done(&listener);
    ok(stat(path_of("b"), &after) == 0, "another's socket there is left alone");
    close(other);
    if (geteuid() != 0) {
        skip(2, "needs root");
    } else {
        chmod(path_of("b"), 0666);
        chmod(folder, 0755);
        bool left = seteuid(12345) == 0;
        ok(!listen_at(&listener, path_of("b"), message) && left && listener.fd == -1,
           "a socket that cannot be removed");
        like(message, "/b cannot be removed: Permission denied.", "is said to be so");
        if (seteuid(0) != 0)
            diag("the user cannot be changed back");
    }
    unlink(path_of("b"));
}

static void test_ports(void)
{
    struct listener listener, second;
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    char text[40];

    ok(listen_at(&listener, ":0", message) && listen_is_listening(listener.fd), "at a port");
    getsockname(listener.fd, (struct sockaddr *)&at, &len);
    cmp_ok(ntohl(at.sin_addr.s_addr), ==, INADDR_LOOPBACK, "of this machine alone");
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(at.sin_port));
    ok(!listen_at(&second, text, message) && second.fd == -1, "that is taken now");
    like(message, "Address already in use.", "as is said");
    cmp_ok(listen_prepare(listener.fd), ==, 0, "it can be made ready");
    cmp_ok(listen_prepare(STDIN_FILENO), !=, 0, "what is no socket cannot");
    listen_done(&listener);
    ok(!listen_at(&listener, "nowhere", message), "what is no address");
    like(message, "--listen takes a path with a slash in it", "is refused");
}

/* ---- sockets of others ---- */

static bool inherit(struct listener *listener, const char *pid, const char *count)
{
    char own[20];

    snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("LISTEN_PID", pid ? pid : own, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", "x", 1);
    message[0] = '\0';
    return listen_inherited(listener, message);
}

static void test_handed_over(void)
{
    enum { FIRST = 3 }; /* SD_LISTEN_FDS_START */
    struct listener listener;
    int made = make_socket("c", true), fd = fcntl(made, F_DUPFD_CLOEXEC, FIRST + 1);

    dup2(fd, FIRST);
    ok(inherit(&listener, NULL, "1") && listener.fd == FIRST, "what systemd hands over is taken");
    cmp_ok(fcntl(FIRST, F_GETFD), ==, FD_CLOEXEC, "and not handed on");
    ok(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES"),
       "nor are its variables");
    ok(!inherit(&listener, NULL, "10"), "ten sockets are refused");
    like(message, "systemd has handed over 10 sockets", "as is said");
    ok(inherit(&listener, "1", "1") && listener.fd == -1, "what is meant for others is not taken");
    ok(getenv("LISTEN_FDS") != NULL, "but left for them");
    ok(inherit(&listener, NULL, "0") && listener.fd == -1, "nothing is handed over");
    dup2(STDERR_FILENO, FIRST);
    ok(!inherit(&listener, NULL, "1"), "what does not listen is refused");
    like(message, "no listening stream socket", "as is said");
    close(FIRST);
    int input = dup(STDIN_FILENO);
    dup2(fd, STDIN_FILENO);
    ok(inherit(&listener, NULL, "0") && listener.fd == STDIN_FILENO, "FastCGI has it as 0");
    dup2(input, STDIN_FILENO);
    close(input);
    close(fd);
    if (made != FIRST)
        close(made);
    unlink(path_of("c"));
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_addresses();
    test_paths();
    test_left_behind();
    test_ports();
    test_handed_over();
    ok(rmdir(folder) == 0, "nothing is left behind");
    return done_testing();
}
