/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cgi.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BODY_MAX = 16 << 20, /* bytes of a request's body that are read away */
    BODY_MS = 5000       /* and for how long */
};

bool cgi_is_request(void)
{
    static const char *const signs[] = {"GATEWAY_INTERFACE", "REQUEST_METHOD", "REQUEST_URI",
                                        "SCRIPT_NAME"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (getenv(signs[i]))
            return true;
    return false;
}

static bool write_all(int out, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(out, at, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/*
 * How many bytes to read: CONTENT_LENGTH (RFC 3875, 4.1.2). Where the server
 * says -1 or nothing of a body of unknown length, all there is.
 */
static size_t body_length(void)
{
    const char *length = getenv("CONTENT_LENGTH");
    if (length && *length) {
        long long n = strtoll(length, NULL, 10);
        return n < 0 || n > BODY_MAX ? BODY_MAX : (size_t)n;
    }
    return getenv("HTTP_TRANSFER_ENCODING") ? BODY_MAX : 0;
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_away(int in, size_t left)
{
    char dropped[4096];
    long long end = now_ms() + BODY_MS;
    while (left > 0) {
        struct pollfd ready = {.fd = in, .events = POLLIN};
        long long patience = end - now_ms();
        if (patience <= 0 || poll(&ready, 1, (int)patience) <= 0)
            return;
        ssize_t n = read(in, dropped, left < sizeof dropped ? left : sizeof dropped);
        if (n <= 0)
            return;
        left -= (size_t)n;
    }
}

/* As a CGI program: uWSGI answers 302 where the Location comes first. */
static void put_status_first(struct answer *answer)
{
    static const char line[] = "\r\nStatus: 307 Temporary Redirect";
    size_t len = sizeof line - 1;
    char *status = memmem(answer->text, answer->len, line, len);
    if (!status)
        return;
    memmove(answer->text + len, answer->text, (size_t)(status - answer->text));
    memcpy(answer->text, line + 2, len - 2);
    memcpy(answer->text + len - 2, line, 2);
}

bool cgi_answer(struct answer *answer, int in, int out)
{
    put_status_first(answer);
    bool written = write_all(out, answer->text, answer->len);
    size_t body = body_length();
    if (body && !isatty(in))
        read_away(in, body);
    return written;
}
