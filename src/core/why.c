/* SPDX-License-Identifier: Apache-2.0 */
#include "core/why.h"

#include <stdarg.h>
#include <stdio.h>
#include "core/utf8.h"

/* C0, DEL and, in UTF-8, C1, of which terminals take one as the begin of a command. */
static bool is_control(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;

    return c[0] < ' ' || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

void why_set(struct why *why, const char *format, ...)
{
    va_list args;

    if (!why)
        return;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    for (char *at = why->text; *at;) {
        size_t len = utf8_length(slice_of(at));
        if (len == 0 || is_control(at)) {
            *at = '?';
            len = 1;
        }
        at += len;
    }
}
