/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "records.h"
#include <string.h>

unsigned char *record_write(unsigned char *at, unsigned type, unsigned id, size_t content)
{
    at[0] = RECORD_VERSION;
    at[1] = (unsigned char)type;
    at[2] = (unsigned char)(id >> 8);
    at[3] = (unsigned char)id;
    at[4] = (unsigned char)(content >> 8);
    at[5] = (unsigned char)content;
    at[6] = at[7] = 0;
    return at + RECORD_HEADER;
}

unsigned char *record_write_end(unsigned char *at, unsigned id, unsigned char status)
{
    at = record_write(at, RECORD_END_REQUEST, id, 8);
    memset(at, 0, 8);
    at[4] = status;
    return at + 8;
}

size_t records_write_answer(unsigned char *at, unsigned id, const char *text, size_t len)
{
    unsigned char *start = at;
    at = record_write(at, RECORD_STDOUT, id, len);
    memcpy(at, text, len);
    at = record_write(at + len, RECORD_STDOUT, id, 0);
    return (size_t)(record_write_end(at, id, END_REQUEST_COMPLETE) - start);
}
