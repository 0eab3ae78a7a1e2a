/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard looks at the bytes that wait on a FastCGI connection before
 * libfcgi does, and says what to do with them. It reads and writes nothing.
 *
 * libfcgi trusts its peer: some records make it abort the process, some make
 * it accept a request with variables missing, and a record that is not whole
 * makes it wait. Only a request whose variables are complete, and that libfcgi
 * reads as the web server meant it, passes here; what becomes of its body is of
 * no interest. Management records are answered here. A request that can be read
 * and not taken is refused with an answer, and what is no FastCGI ends its
 * connection.
 *
 * "Spec" is the FastCGI specification 1.0, by its sections.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum guard_verdict {
    GUARD_MORE,     /* so far good; look again when more bytes are there */
    GUARD_REQUEST,  /* all variables of a request: hand it to libfcgi */
    GUARD_TOO_LONG, /* a request whose variables are over the limit: take length bytes off the
                       connection and refuse it */
    GUARD_REPLY,    /* take length bytes off the connection and send the reply */
    GUARD_IGNORE,   /* take length bytes off the connection, which may not all have come */
    GUARD_CLOSE     /* end the connection */
};

enum {
    GUARD_REPLY_MAX = 96, /* bytes of the longest reply */
    GUARD_OTHERS_MAX = 64 /* requests that begin inside another one */
};

struct guard_limits {
    size_t header_bytes;      /* the longest request header, all its records counted */
    unsigned max_connections; /* what FCGI_GET_VALUES is told */
};

struct guard_result {
    enum guard_verdict verdict;
    size_t length;   /* REQUEST: bytes to its end, if it is clean, else to that of its variables */
    unsigned id;     /* of the request that has begun; 0: none has */
    bool keep;       /* REQUEST, TOO_LONG: the web server keeps the connection (Spec 5.1,
                        FCGI_KEEP_CONN); REPLY: the connection goes on after the reply */
    bool clean;      /* REQUEST: nothing of it comes behind length, neither a body nor padding */
    bool plain;      /* REQUEST: libfcgi can read it as it is; else guard_copy makes it so */
    bool again;      /* REQUEST: its number begins again before it was answered */
    bool wants_body; /* MORE, TOO_LONG: its method is known, and not HEAD */
    unsigned variables; /* REQUEST: how many variables its PARAMS hold */
    const char *why;    /* CLOSE: what is wrong, a phrase that follows "it sent " */
    /*
     * Other requests that begin before this one has ended, and that cannot be taken: each
     * is to be ended with END_CANT_MPX_CONN.
     */
    uint16_t others[GUARD_OTHERS_MAX];
    unsigned other_count;
    size_t reply_len;
    unsigned char reply[GUARD_REPLY_MAX];
};

/*
 * Checks the first len bytes that wait on a connection that has no request
 * under way. A pure function: when the verdict is GUARD_MORE, call it again
 * with the same bytes and those behind them; the others stay the first ones then.
 */
void guard_check(const unsigned char *bytes, size_t len, const struct guard_limits *limits,
                 struct guard_result *result);

/*
 * Makes a request that is not plain one that is: moves its records, up to the end of its
 * variables, to the front of the bytes, without padding and without what lies between
 * them. Returns their length. seen: what the check has said of the same bytes.
 */
size_t guard_copy(unsigned char *bytes, const struct guard_result *seen);

#endif
