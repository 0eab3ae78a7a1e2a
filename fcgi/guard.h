/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard looks at the bytes that wait on a FastCGI connection before
 * libfcgi does, and says what to do with them. It reads and writes nothing.
 *
 * libfcgi trusts its peer: some records make it abort the process, some make
 * it accept a request with variables missing, and a record that is not whole
 * makes it wait. Only a request header that is whole, and that libfcgi reads
 * as the web server meant it, passes here. Management records are answered
 * here, and everything else ends its connection.
 *
 * "Spec" is the FastCGI specification 1.0, by its sections.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum guard_verdict {
    GUARD_MORE,    /* so far good; look again when more bytes are there */
    GUARD_REQUEST, /* a whole request header: hand it to libfcgi */
    GUARD_REPLY,   /* take length bytes off the connection and send the reply */
    GUARD_CLOSE    /* end the connection */
};

enum {
    GUARD_REPLY_MAX = 96 /* bytes of the longest reply */
};

struct guard_limits {
    size_t header_bytes;      /* the longest request header, all its records counted */
    unsigned max_connections; /* what FCGI_GET_VALUES is told */
};

struct guard_result {
    enum guard_verdict verdict;
    size_t length; /* REQUEST: bytes to the end of the first STDIN header; REPLY: bytes to take */
    bool keep;     /* REQUEST: the web server keeps the connection (Spec 5.1, FCGI_KEEP_CONN);
                      REPLY: the connection goes on after the reply */
    bool clean;    /* REQUEST: nothing of it comes behind length: no body, no padding */
    unsigned variables; /* REQUEST: how many variables its PARAMS hold */
    const char *why;    /* CLOSE: what is wrong, a phrase that follows "it sent " */
    size_t reply_len;
    unsigned char reply[GUARD_REPLY_MAX];
};

/*
 * Checks the first len bytes that wait on a connection that has no request
 * under way. A pure function: when the verdict is GUARD_MORE, call it again
 * with the same bytes and those behind them.
 */
void guard_check(const unsigned char *bytes, size_t len, const struct guard_limits *limits,
                 struct guard_result *result);

#endif
