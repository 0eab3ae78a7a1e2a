/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for tests: copies with nothing behind them, so that AddressSanitizer sees a read
 * beyond the end; and digests.
 */
#ifndef TIGHT_H
#define TIGHT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/slice.h"

/* A copy of exactly this text; it is freed by the next call but three. */
static inline struct slice tight(struct slice text)
{
    static char *copies[4];
    static unsigned turn;
    char **copy = &copies[turn++ % 4];

    free(*copy);
    *copy = malloc(text.len ? text.len : 1);
    if (!*copy)
        abort();
    if (text.len)
        memcpy(*copy, text.at, text.len);
    return (struct slice){*copy, text.len};
}

/* Writes n times a character behind the text, which may be in the buffer; returns buffer. */
static inline char *padded(char *buffer, const char *text, char c, size_t n)
{
    size_t len = strlen(text);

    memmove(buffer, text, len);
    memset(buffer + len, c, n);
    buffer[len + n] = '\0';
    return buffer;
}

/* The text for people, with what is not printable as in C; good until the next call. */
static inline const char *shown(struct slice text)
{
    static char buffer[256];
    size_t n = 0;

    for (size_t i = 0; i < text.len && n + 8 < sizeof buffer; i++) {
        unsigned char c = (unsigned char)text.at[i];
        n += (size_t)snprintf(buffer + n, 8, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
    }
    buffer[n] = '\0';
    return buffer;
}

#define HEX8   "0123abcd"
#define HEX32  HEX8 "456789ef" HEX8 "00ff00ff"
#define HEX63  HEX32 HEX8 "456789ef" HEX8 "00ff00f"
#define HEX64  HEX32 HEX32
#define HEX128 HEX64 HEX64
#define SHA256 "sha256:" HEX64
#define SHA512 "sha512:" HEX128

#endif
