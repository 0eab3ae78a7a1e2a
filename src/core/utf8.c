/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

/* How many bytes the character of this first byte has; 0 if none begins so. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Whether the second byte of a longer character is within what its first allows (section 4). */
static bool second_fits(unsigned char first, unsigned char second)
{
    unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    return second >= least && second <= most;
}

size_t utf8_length(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t len = text.len ? length_of(at[0]) : 0;

    if (len > text.len || (len > 1 && !second_fits(at[0], at[1])))
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}
