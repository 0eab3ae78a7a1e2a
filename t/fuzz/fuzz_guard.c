/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what waits on a connection. The guard must come to the same
 * verdict however the bytes arrive, and what it lets pass, the real libfcgi must
 * read: all variables, to the end, without waiting, without an abort.
 */
#include "config.h"
#include "../../fcgi/guard.h"
#include "../../fcgi/handover.h"
#include "input.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct guard_limits limits = {.header_bytes = 32768, .max_connections = 1024};

static void check_variables(struct handover *handover, const struct guard_result *seen)
{
    static const struct answer answer = {.len = 16, .text = "Status: 200 OK\n\n"};
    unsigned count = 0;
    for (char *const *at = handover_variables(handover); *at; at++)
        count++;
    must(count == seen->variables + 1, "libfcgi sees the same variables, and its own FCGI_ROLE");
    must(handover_answer(handover, &answer), "the request can be answered");
}

/* Sockets of which pair[0] is the loop's, with bytes that wait on it. */
static void connect_both(int pair[2], const uint8_t *data, size_t size)
{
    int room = 1 << 20;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "sockets can be had");
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    must(send(pair[1], data, size, 0) == (ssize_t)size, "the input fits the socket's buffer");
}

static void close_both(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* As it waits on the connection. */
static void read_by_libfcgi(const uint8_t *data, size_t size, const struct guard_result *seen)
{
    struct handover handover;
    int pair[2];
    char byte;
    connect_both(pair, data, size);
    must(handover_begin(&handover, pair[0], seen->clean), "libfcgi reads what the guard lets pass");
    check_variables(&handover, seen);
    if (seen->clean && size == seen->length)
        must(recv(pair[0], &byte, 1, 0) < 0 && errno == EAGAIN, "nothing is left unread");
    close_both(pair);
}

/* A copy of it; what waits on the connection stays there. */
static void read_copy_by_libfcgi(const uint8_t *data, size_t size, const struct guard_result *seen)
{
    static uint8_t bytes[40000], left[40001];
    struct handover handover;
    struct guard_result copy;
    int pair[2];
    memcpy(bytes, data, size);
    size_t len = guard_copy(bytes, seen);
    must(len <= seen->length, "a copy is no longer than the request");
    guard_check(bytes, len, &limits, &copy);
    must(copy.verdict == GUARD_REQUEST && copy.plain && copy.length == len &&
             copy.variables == seen->variables && copy.id == seen->id && copy.keep == seen->keep &&
             copy.other_count == 0,
         "a copy is the same request, and a plain one");
    connect_both(pair, data, size);
    must(handover_begin_copy(&handover, pair[0], bytes, len), "libfcgi reads a copy");
    check_variables(&handover, seen);
    must(recv(pair[1], left, sizeof left, 0) == 48, "the answer comes on the connection");
    must(size == 0 || recv(pair[0], left, sizeof left, 0) == (ssize_t)size, "which is not read");
    close_both(pair);
}

static void check_answered(const uint8_t *data, size_t size, const struct guard_result *seen)
{
    static bool started;
    if (!started)
        must(handover_init() == 0, "libfcgi starts");
    started = true;
    if (seen->plain)
        read_by_libfcgi(data, size, seen);
    read_copy_by_libfcgi(data, size, seen);
}

/* With fewer bytes the same others have begun, or the first of them. */
static void check_others(const struct guard_result *all, const struct guard_result *part)
{
    must(part->other_count <= all->other_count, "others do not go away");
    for (unsigned i = 0; i < part->other_count; i++)
        must(part->others[i] == all->others[i], "nor change");
    for (unsigned i = 0; i < all->other_count; i++)
        must(all->others[i] != all->id && all->others[i] != 0, "others have numbers of their own");
}

/* How much of the input must be there for the verdict. */
static size_t needed(const struct guard_result *all)
{
    if (all->verdict == GUARD_IGNORE)
        return 8;
    return all->verdict == GUARD_REQUEST && all->clean ? all->length - 8 : all->length;
}

static void check_parts(const uint8_t *data, size_t size, const struct guard_result *all)
{
    struct guard_result part;
    size_t need = needed(all);
    size_t parts[] = {need - 1, need / 2, need > 8 ? need - 8 : 0, 0};
    must(need > 0 && need <= size, "what is needed is there");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        guard_check(data, parts[i], &limits, &part);
        must(part.verdict == GUARD_MORE, "a part of it leaves the question open");
        check_others(all, &part);
    }
    guard_check(data, all->length < size ? all->length : size, &limits, &part);
    must(part.verdict == all->verdict && part.length == all->length && part.clean == all->clean &&
             part.plain == all->plain && part.id == all->id && part.keep == all->keep,
         "what lies behind it changes nothing");
    check_others(all, &part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guard_result all;
    if (size > 40000)
        return 0;
    guard_check(data, size, &limits, &all);
    must(all.other_count <= GUARD_OTHERS_MAX, "others are not too many");
    must(all.reply_len <= GUARD_REPLY_MAX, "the reply fits");
    must((all.verdict == GUARD_CLOSE) == (all.why != NULL), "it is said why");
    must(size <= limits.header_bytes || all.verdict != GUARD_MORE, "the limit is kept");
    if (all.verdict == GUARD_MORE || all.verdict == GUARD_CLOSE)
        return 0;
    must(all.verdict == GUARD_IGNORE || all.length <= limits.header_bytes, "within the limit");
    if (all.verdict == GUARD_TOO_LONG) {
        must(all.id != 0, "it is known which request is too long");
        must(all.length >= 16 && all.length <= size, "what is taken of it is there");
        return 0;
    }
    must(all.length > 0 && (all.verdict == GUARD_IGNORE || all.length <= size),
         "the length is within the input");
    check_parts(data, size, &all);
    if (all.verdict == GUARD_REQUEST)
        check_answered(data, size, &all);
    return 0;
}
