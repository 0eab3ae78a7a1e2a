/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that knows how to make libfcgi serve a connection that it has
 * not accepted itself.
 *
 * libfcgi accepts connections one after another and then reads from them until
 * a request is whole: a thread for every connection. The loop wants neither. It
 * accepts, waits until the guard has seen a whole request header, and only then
 * lends the descriptor to libfcgi, through FCGX_Request fields that libfcgi
 * keeps for itself (unchanged from 2.4.0 to 2.4.7):
 *
 *   listen_sock     -1, so that libfcgi can never wait in accept();
 *   ipcFd           the connection, which libfcgi takes for one kept open;
 *   keepConnection  1 before FCGX_Accept_r, or its finishing of the "former"
 *                   request closes the descriptor; 1 again after it, so that
 *                   the loop does the closing;
 *   detached        1, or closing waits up to 2 s for the peer.
 *
 * Two things to know. libfcgi reads 8 KB at a time: bytes that wait behind the
 * request are lost to it, so such a connection cannot be used again, unless libfcgi is
 * given a copy of the request on a socket of its own (handover_begin_copy). And it
 * closes the descriptor itself when anything goes wrong: each call here says
 * whether that has happened.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <fcgiapp.h>
#include "route/respond.h"

/* A request lent to libfcgi. It may be answered at once or much later. */
struct handover {
    FCGX_Request request;
};

/*
 * Initialises libfcgi, once in a process, and takes back the signal handlers
 * that it sets: SIGPIPE is ignored; SIGTERM and SIGUSR1 are as they were.
 * Returns 0 or an errno value.
 */
int handover_init(void);

/*
 * Reads the request whose whole header waits on descriptor fd, as the guard
 * has seen. clean is the guard's word that nothing more of the request comes.
 * True: handover_variables is there, and handover_answer or handover_drop must
 * follow. False: the request was no good; libfcgi has closed fd.
 */
bool handover_begin(struct handover *handover, int fd, bool clean);

/*
 * The same for a request that does not wait on fd alone or as libfcgi needs it: it is
 * these bytes, its variables to their end and nothing behind them. What fd holds is left
 * there, and libfcgi reads nothing ahead. False: fd has been closed.
 */
bool handover_begin_copy(struct handover *handover, int fd, const unsigned char *bytes, size_t len);

/* The CGI variables, "NAME=value", the last entry NULL; valid until the end. */
char *const *handover_variables(const struct handover *handover);

/*
 * Writes the answer and ends the request. True: fd is open and the caller's
 * again. False: the peer did not take the answer; libfcgi has closed fd.
 */
bool handover_answer(struct handover *handover, const struct answer *answer);

/* Ends the request without a word to the peer, and closes fd. */
void handover_drop(struct handover *handover);

#endif
