/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "handover.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int handover_init(void)
{
    struct sigaction term, usr1;
    sigset_t both, before;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGUSR1);
    /* Blocked meanwhile, or libfcgi's handlers could swallow the word to stop. */
    sigprocmask(SIG_BLOCK, &both, &before);
    sigaction(SIGTERM, NULL, &term);
    sigaction(SIGUSR1, NULL, &usr1);
    int error = FCGX_Init();
    sigaction(SIGTERM, &term, NULL);
    sigaction(SIGUSR1, &usr1, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_IGN);
    return error == 0 ? 0 : error > 0 ? error : EINVAL;
}

/*
 * Takes the empty STDIN record, the last of the request, off the stream. It is
 * in libfcgi's buffer, or, when that ended just before it, still on the
 * descriptor, where it would be taken for the next request's start.
 */
static bool take_end_of_input(FCGX_Stream *in)
{
    return FCGX_GetChar(in) == EOF && FCGX_GetError(in) == 0;
}

bool handover_begin(struct handover *handover, int fd, bool clean)
{
    FCGX_Request *request = &handover->request;
    FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR);
    request->ipcFd = fd;
    request->keepConnection = 1;
    request->detached = 1;
    if (FCGX_Accept_r(request) != 0)
        return false;
    request->keepConnection = 1;
    if (FCGX_GetError(request->in) == 0 && (!clean || take_end_of_input(request->in)))
        return true;
    handover_drop(handover);
    return false;
}

bool handover_begin_copy(struct handover *handover, int fd, const unsigned char *bytes, size_t len)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        close(fd);
        return false;
    }
    bool sent = send(pair[1], bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
    bool begun = sent && handover_begin(handover, pair[0], false);
    if (begun)
        handover->request.ipcFd = fd; /* where the answer goes */
    else
        close(fd);
    if (begun || !sent)
        close(pair[0]);
    close(pair[1]);
    return begun;
}

char *const *handover_variables(const struct handover *handover)
{
    return handover->request.envp;
}

bool handover_answer(struct handover *handover, const struct answer *answer)
{
    FCGX_Request *request = &handover->request;
    FCGX_PutStr(answer->text, (int)answer->len, request->out);
    FCGX_Finish_r(request);
    return request->ipcFd >= 0;
}

void handover_drop(struct handover *handover)
{
    FCGX_Free(&handover->request, 1);
}
