/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI records as they are on the wire, for those that signpost reads and writes
 * without libfcgi. "Spec" is the FastCGI specification 1.0, by its sections.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stddef.h>

/* Spec 8: types and constants. */
enum {
    RECORD_HEADER = 8,
    RECORD_VERSION = 1,
    RECORD_BEGIN_REQUEST = 1,
    RECORD_ABORT_REQUEST = 2,
    RECORD_END_REQUEST = 3,
    RECORD_PARAMS = 4,
    RECORD_STDIN = 5,
    RECORD_STDOUT = 6,
    RECORD_DATA = 8,
    RECORD_GET_VALUES = 9,
    RECORD_GET_VALUES_RESULT = 10,
    RECORD_UNKNOWN_TYPE = 11,

    ROLE_RESPONDER = 1,
    FLAG_KEEP_CONN = 1,

    END_REQUEST_COMPLETE = 0,
    END_CANT_MPX_CONN = 1,
    END_UNKNOWN_ROLE = 3,

    RECORD_END_SIZE = RECORD_HEADER + 8,
    /* What an answer is longer by than its text. */
    RECORDS_ANSWER_EXTRA = 2 * RECORD_HEADER + RECORD_END_SIZE
};

/* Writes the header of a record without padding; returns where its content goes. */
unsigned char *record_write(unsigned char *at, unsigned type, unsigned id, size_t content);

/* Writes FCGI_END_REQUEST (Spec 5.5); returns where the next record goes. */
unsigned char *record_write_end(unsigned char *at, unsigned id, unsigned char status);

/*
 * Writes a whole answer: a CGI response of at most 65535 bytes on FCGI_STDOUT, and the
 * end of the request. Returns how many bytes: RECORDS_ANSWER_EXTRA more than text has.
 */
size_t records_write_answer(unsigned char *at, unsigned id, const char *text, size_t len);

#endif
