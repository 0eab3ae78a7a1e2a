/* SPDX-License-Identifier: Apache-2.0 */
/* signpost.fcgi: the front door, behind a web server, as FastCGI or as plain CGI. */
#include "config.h"
#include "cgi.h"
#include "core/version.h"
#include "front.h"
#include "handover.h"
#include "listen.h"
#include "loop.h"
#include "starter.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_MISUSE = 2,
    SPARE_DESCRIPTORS = 24 /* kept for files, whatever the number of connections */
};

struct options {
    const char *config, *listen;
};

static const char usage[] =
    "Usage: signpost.fcgi [--config FILE] [--listen PATH|HOST:PORT]\n"
    "\n"
    "The front door for container registries. A web server or spawn-fcgi starts it\n"
    "with a listening FastCGI socket as its standard input, systemd with one on\n"
    "descriptor 3 (LISTEN_FDS) or 0; a web server can also run it as a CGI program,\n"
    "for every request anew.\n"
    "\n"
    "  --config FILE   the configuration; else $SIGNPOST_CONF, else signpost.conf\n"
    "                  beside the program, else in the system's configuration folder\n"
    "  --listen PATH   listen on a Unix socket (the path must hold a slash), or on a\n"
    "                  port: HOST:PORT, [IPV6]:PORT or :PORT (127.0.0.1)\n"
    "  --help          this text\n"
    "  --version       what this is, and what it was built with\n"
    "\n"
    "Signals: SIGHUP reads the configuration again; SIGTERM and SIGUSR1 stop it,\n"
    "after the requests that have begun; SIGUSR2 opens the log anew.\n"
    "FCGI_WEB_SERVER_ADDRS in the environment lists the addresses of the web servers\n"
    "that may connect; default: all.\n";

/* ---- plain CGI ---- */

static int run_cgi(void)
{
    static struct answer answer;
    static struct front front; /* never freed: the process ends, and a CGI's start is its cost */
    front_init(&front, NULL, false);
    if (!front_load(&front))
        front_say(&front, "The configuration is refused, so the request was answered with 503.");
    front_respond(&front, environ, &answer);
    bool written = cgi_answer(&answer, STDIN_FILENO, STDOUT_FILENO);
    log_end(&front.log);
    notes_end(&front.notes);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- FastCGI ---- */

__attribute__((format(printf, 2, 3))) static void say(struct front *front, const char *format, ...)
{
    char sentence[LISTEN_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    front_say(front, sentence);
}

static int fail(struct front *front, const char *what, int error)
{
    say(front, "%s: %s.", what, strerror(error));
    return EXIT_FAILURE;
}

/* A descriptor opened later must not become standard output or error. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            /* cppcheck-suppress leakReturnValNotUsed; it is to stay open */
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

/* How many connections the limit on descriptors leaves room for, at most those wanted. */
static unsigned connections(struct front *front, unsigned wanted)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)wanted + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return wanted;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur >= need)
        return wanted;
    unsigned room =
        limit.rlim_cur > SPARE_DESCRIPTORS + 4 ? (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS : 4;
    say(front,
        "The limit on open files, %llu, leaves room for %u of the %u connections that "
        "max_connections allows; raise it with ulimit -n or LimitNOFILE=.",
        (unsigned long long)limit.rlim_cur, room, wanted);
    return room;
}

static bool read_peers(struct front *front, struct peers *peers)
{
    const char *bad = peers_parse(peers, getenv("FCGI_WEB_SERVER_ADDRS"));
    if (bad)
        say(front,
            "FCGI_WEB_SERVER_ADDRS must be at most %d IP addresses with commas between "
            "them, and is not from \"%.100s\" on.",
            PEERS_MAX, bad);
    return !bad;
}

/*
 * Serves until it is told to stop, or, if there was no configuration, until there is one.
 * Returns what is left of the listening socket: -1, or the socket for the next loop. Sets an
 * error, 0 for none.
 */
static int serve_once(int socket, struct front *front, const struct peers *peers, int *error)
{
    struct service service = front_service(front);
    struct loop_limits limits = front_limits(front);
    limits.max_connections = connections(front, limits.max_connections);
    struct loop *loop = loop_new(socket, &service, &limits, peers, NULL);
    *error = loop ? loop_take_signals(loop) : errno;
    if (!loop || *error) {
        loop_free(loop);
        return -1;
    }
    front_attach(front, loop, limits.max_parked);
    loop_run(loop);
    socket = loop_take_listener(loop);
    loop_free(loop);
    front_detach(front);
    return socket;
}

static int serve(int socket, struct front *front)
{
    static struct peers peers;
    int error = listen_prepare(socket);
    if (!error)
        error = handover_init();
    if (error)
        return fail(front, "The listening socket cannot be used", error);
    if (!read_peers(front, &peers))
        return EXIT_FAILURE;
    while (socket >= 0 && !error)
        socket = serve_once(socket, front, &peers, &error);
    return error ? fail(front, "The event loop cannot start", error) : EXIT_SUCCESS;
}

static int run_fastcgi(const struct options *options, struct listener listener, bool under_systemd)
{
    char message[LISTEN_MESSAGE_MAX];
    struct front front;
    loop_hold_signals(); /* one that comes now must not end the process */
    front_init(&front, options->config, under_systemd);
    fill_standard_descriptors();
    if (options->listen && !listen_at(&listener, options->listen, message)) {
        front_say(&front, message);
        return EXIT_FAILURE;
    }
    int status = front_start(&front) ? serve(listener.fd, &front) : EXIT_FAILURE;
    listener.fd = -1; /* the loop has closed it */
    listen_done(&listener);
    front_close(&front);
    return status;
}

/* ---- the command line ---- */

/* Returns -1, or the status to exit with. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"listen", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:l:hV", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'l':
            options->listen = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("signpost.fcgi " VERSION_TEXT);
            return EXIT_SUCCESS;
        default:
            fputs("Try 'signpost.fcgi --help'.\n", stderr);
            return EXIT_MISUSE;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "signpost.fcgi: What is \"%s\" to mean? Try 'signpost.fcgi --help'.\n",
            argv[optind]);
    return EXIT_MISUSE;
}

int main(int argc, char **argv)
{
    char message[LISTEN_MESSAGE_MAX];
    struct options options = {NULL, NULL};
    struct listener inherited;
    signal(SIGPIPE, SIG_IGN); /* whoever does not listen to notes still gets answers */
    bool under_systemd = starter_under_systemd(); /* says so by variables that are taken next */
    bool usable = listen_inherited(&inherited, message);
    /*
     * A CGI program's arguments come from the client, as words of a query
     * without "=" (RFC 3875, 4.4), and are never looked at.
     */
    if (usable && inherited.fd < 0 && cgi_is_request())
        return run_cgi();
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    if (inherited.fd >= 0 || options.listen)
        return run_fastcgi(&options, inherited, under_systemd);
    if (!usable) {
        fprintf(stderr, "signpost.fcgi: %s\n", message);
        return EXIT_FAILURE;
    }
    fputs("signpost.fcgi: This program is started by a web server, with a listening socket as its "
          "standard "
          "input or as a CGI program; neither is the case. To try it out, give --listen "
          "127.0.0.1:9000 and let a web server connect to that, or see --help.\n",
          stderr);
    return EXIT_MISUSE;
}
