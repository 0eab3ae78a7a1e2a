/* SPDX-License-Identifier: Apache-2.0 */
#include "status/markup.h"

#include <inttypes.h>
#include <stdbool.h>
#include "core/utf8.h"

/* U+FFFD, the replacement character. */
#define REPLACEMENT "\xef\xbf\xbd"

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
    size_t len = utf8_length(text);

    return is_forbidden((const unsigned char *)text.at, len) ? 0 : len;
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

void markup_number(FILE *out, uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, number);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
}
