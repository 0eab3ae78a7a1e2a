/* SPDX-License-Identifier: Apache-2.0 */
#include "status/markup.h"

#include <stdbool.h>

/* U+FFFD, the replacement character. */
#define REPLACEMENT "\xef\xbf\xbd"

/* How many bytes the character of this first byte has, by RFC 3629; 0 if none begins so. */
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

/* Whether the second byte of a longer character is within what its first allows (RFC 3629, 4). */
static bool second_fits(unsigned char first, unsigned char second)
{
    unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    return second >= least && second <= most;
}

/* XML 1.0, 2.2: U+FFFE and U+FFFF are no characters; C1 controls are refused, too. */
static bool is_forbidden(const unsigned char *at, size_t len)
{
    return (len == 1 && (at[0] == 0x7f || (at[0] < 0x20 && at[0] != '\t' && at[0] != '\n'))) ||
           (len == 2 && at[0] == 0xc2 && at[1] < 0xa0) ||
           (len == 3 && at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe);
}

/* The length of the character at the start of the text, 0 if it must be replaced. */
static size_t character(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t len = length_of(at[0]);

    if (len == 0 || len > text.len || (len > 1 && !second_fits(at[0], at[1])))
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return is_forbidden(at, len) ? 0 : len;
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void markup_slice(FILE *out, struct slice text)
{
    while (text.len > 0) {
        size_t len = character(text);
        const char *instead = len == 0 ? REPLACEMENT : entity_of(*text.at);
        if (instead)
            fputs(instead, out);
        else
            fwrite(text.at, 1, len, out);
        text = slice_from(text, len ? len : 1);
    }
}

void markup_text(FILE *out, const char *text)
{
    markup_slice(out, slice_of(text));
}
