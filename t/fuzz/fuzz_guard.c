/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what waits on a connection. The guard must come to the same
 * verdict however the bytes arrive, and what it lets pass, the real libfcgi must
 * read: all variables, to the end, without waiting, without an abort.
 */
#include "config.h"
#include "../../fcgi/guard.h"
#include "../../fcgi/handover.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct guard_limits limits = {.header_bytes = 32768, .max_connections = 1024};

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

static void read_by_libfcgi(const uint8_t *data, size_t size, const struct guard_result *seen)
{
    static const struct answer answer = {.len = 16, .text = "Status: 200 OK\n\n"};
    static bool started;
    struct handover handover;
    int pair[2], room = 1 << 20;
    char byte;
    if (!started)
        must(handover_init() == 0, "libfcgi starts");
    started = true;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "sockets can be had");
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    must(send(pair[1], data, size, 0) == (ssize_t)size, "the input fits the socket's buffer");
    must(handover_begin(&handover, pair[0], seen->clean), "libfcgi reads what the guard lets pass");
    unsigned count = 0;
    for (char *const *at = handover_variables(&handover); *at; at++)
        count++;
    must(count == seen->variables + 1, "libfcgi sees the same variables, and its own FCGI_ROLE");
    must(handover_answer(&handover, &answer), "the request can be answered");
    if (seen->clean && size == seen->length)
        must(recv(pair[0], &byte, 1, 0) < 0 && errno == EAGAIN, "nothing is left unread");
    close(pair[0]);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guard_result all, part;
    if (size > 40000)
        return 0;
    guard_check(data, size, &limits, &all);
    if (all.verdict == GUARD_MORE || all.verdict == GUARD_CLOSE) {
        must((all.verdict == GUARD_CLOSE) == (all.why != NULL), "it is said why");
        must(size <= limits.header_bytes || all.verdict == GUARD_CLOSE, "the limit is kept");
        return 0;
    }
    must(all.length > 0 && all.length <= size, "the length is within the input");
    must(all.length <= limits.header_bytes, "and within the limit");
    must(all.reply_len <= GUARD_REPLY_MAX, "the reply fits");
    size_t parts[] = {all.length - 1, all.length / 2, all.length > 8 ? all.length - 8 : 0, 0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        guard_check(data, parts[i], &limits, &part);
        must(part.verdict == GUARD_MORE, "a part of it leaves the question open");
    }
    guard_check(data, all.length, &limits, &part);
    must(part.verdict == all.verdict && part.length == all.length && part.clean == all.clean,
         "what lies behind it changes nothing");
    if (all.verdict == GUARD_REQUEST)
        read_by_libfcgi(data, size, &all);
    return 0;
}
