/* SPDX-License-Identifier: Apache-2.0 */
/* FastCGI records, byte for byte (FastCGI 1.0, 3.3, 5.5 and 8). */
#include "../../fcgi/records.h"
#include <stdlib.h>
#include "tap.h"

static void test_answer(void)
{
    static const unsigned char want[] = {1, 6, 0x12, 0x34, 0, 3, 0, 0, 'a', 'b', 'c', /* STDOUT */
                                         1, 6, 0x12, 0x34, 0, 0, 0, 0,                /* its end */
                                         1, 3, 0x12, 0x34, 0, 8, 0, 0, 0,   0,   0,
                                         0, 0, 0,    0,    0};
    unsigned char got[sizeof want];

    cmp_ok(records_write_answer(got, 0x1234, "abc", 3), ==, sizeof want, "an answer's length");
    ok(memcmp(got, want, sizeof want) == 0, "its bytes");
}

static void test_end(void)
{
    static const unsigned char want[] = {1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0};
    unsigned char got[sizeof want];

    ok(record_write_end(got, 1, 2) == got + sizeof want, "the end of a request");
    ok(memcmp(got, want, sizeof want) == 0, "its bytes");
}

static void test_long(void)
{
    enum { CONTENT = 0x1234 };
    static char text[CONTENT];
    static unsigned char got[RECORD_HEADER + CONTENT + 2 * RECORD_HEADER + 8];

    cmp_ok(records_write_answer(got, 1, text, CONTENT), ==, sizeof got, "a long answer's length");
    ok(got[4] == 0x12 && got[5] == 0x34, "stands in its header, high byte first");
}

int main(void)
{
    test_answer();
    test_end();
    test_long();
    return done_testing();
}
