/* SPDX-License-Identifier: Apache-2.0 */
/* FastCGI records for tests, as a web server writes them. */
#ifndef WIRE_H
#define WIRE_H

#include <string.h>

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, STDIN = 5, DATA = 8, GET_VALUES = 9, KEEP = 1 };

/* What a connection holds. */
static struct {
    size_t len;
    unsigned char bytes[200000];
} wire;

static inline void wire_start(void)
{
    wire.len = 0;
}

static inline void wire_add(const void *bytes, size_t len)
{
    memcpy(wire.bytes + wire.len, bytes, len);
    wire.len += len;
}

/* One record, with a body of the given bytes and padding. */
static inline void record(int type, int id, const void *content, size_t len, int padding)
{
    unsigned char header[8] = {1,
                               (unsigned char)type,
                               (unsigned char)(id >> 8),
                               (unsigned char)id,
                               (unsigned char)(len >> 8),
                               (unsigned char)len,
                               (unsigned char)padding,
                               0};
    static const char zeros[256];
    wire_add(header, sizeof header);
    if (len)
        wire_add(content, len);
    wire_add(zeros, (size_t)padding);
}

/* Starts a request with nothing before it. */
static inline void begin(int role, int flags)
{
    unsigned char body[8] = {(unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags};
    wire_start();
    record(BEGIN, 1, body, sizeof body, 0);
}

static inline void params(const void *content, size_t len)
{
    record(PARAMS, 1, content, len, 0);
}

#define PAIRS              "\x0b\x03SCRIPT_NAME/v2\x0e\x03REQUEST_METHODGET"
#define params_of(literal) params((literal), sizeof(literal) - 1)

/* A request that is as it should be, of two variables. */
static inline void good(int flags)
{
    begin(1, flags);
    params_of(PAIRS);
    params("", 0);
    record(STDIN, 1, "", 0, 0);
}

/* The same with one variable more, so that the whole is len bytes long. */
static inline void good_of_length(int flags, size_t len)
{
    static char pair[70000];
    size_t value = len - 16 - 8 - (sizeof PAIRS - 1) - 8 - 6 - 8 - 8;
    memset(pair, 'x', sizeof pair);
    memcpy(pair, "\x01\x80\x00", 3);
    pair[3] = (char)(value >> 8);
    pair[4] = (char)value;
    pair[5] = 'X';
    begin(1, flags);
    params_of(PAIRS);
    params(pair, 6 + value);
    params("", 0);
    record(STDIN, 1, "", 0, 0);
}

#endif
