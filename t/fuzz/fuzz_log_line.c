/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of access logs: whatever they hold, what is read of them lies within them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/replay/log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_within(struct slice part, const char *text, size_t size)
{
    if (part.len == 0 || (part.at >= text && part.at + part.len <= text + size))
        return;
    fputs("unsound: a part is outside the line\n", stderr);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    struct log_line line;

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    enum log_reading reading = log_line_read(&line, text, size);
    for (size_t i = 0; i < line.quoted_count; i++)
        must_be_within(line.quoted[i], text, size);
    if (reading == LOG_REQUEST) {
        must_be_within(line.address, text, size);
        must_be_within(line.method, text, size);
        must_be_within(line.target, text, size);
    }
    free(text);
    return 0;
}
