/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the listening socket comes from: descriptor 3 by systemd's protocol, descriptor 0
 * as FastCGI has it, or an address given with --listen.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { LISTEN_MESSAGE_MAX = 512 };

/* A listening socket. fd is -1 when there is none. */
struct listener {
    int fd;
    char *path; /* of a socket file that listen_at made, else NULL */
    dev_t device;
    ino_t inode;
};

/* Whether fd is a listening socket. */
bool listen_is_listening(int fd);

/*
 * Finds the listening socket that this process was started with. systemd's (LISTEN_PID
 * names this process, LISTEN_FDS is 1; sd_listen_fds(3)) goes before descriptor 0; its
 * variables are unset, and it is closed on exec. listener->fd is -1 if there is none.
 * False: systemd has handed over something else, as message says in a sentence.
 */
bool listen_inherited(struct listener *listener, char message[LISTEN_MESSAGE_MAX]);

/*
 * Makes the socket ready for the loop: connections from it send at once (TCP_NODELAY).
 * Returns 0 or an errno value.
 */
int listen_prepare(int fd);

/*
 * Accepts a connection, which does not block and is closed on exec, and says whose it is.
 * -1 with errno set if there is none. Does not wait for one, although others may have the
 * socket open, too, and make it one that blocks, as systemd does at a reload of a service
 * that has it as its standard input.
 */
int listen_accept(int fd, struct sockaddr_storage *peer);

/*
 * Listens at PATH (anything with a slash in it), HOST:PORT, [IPV6]:PORT or
 * :PORT (on 127.0.0.1). A socket file is made with mode 0660; one that is there
 * already is replaced only when nobody listens on it. False: message says what
 * is wrong, as a sentence. End with listen_done.
 */
bool listen_at(struct listener *listener, const char *address, char message[LISTEN_MESSAGE_MAX]);

/* HOST:PORT, [HOST]:PORT or :PORT in its two parts; the host may be empty. */
struct listen_address {
    char text[300];
    const char *host, *port; /* in text */
};

/* False if it is none of these. */
bool listen_parse(struct listen_address *parsed, const char *address);

/* Closes the socket, unless that is done (fd < 0), and removes the file that listen_at made. */
void listen_done(struct listener *listener);

#endif
