/* SPDX-License-Identifier: Apache-2.0 */
/* Text in HTML and XML. */
#ifndef STATUS_MARKUP_H
#define STATUS_MARKUP_H

#include <stdint.h>
#include <stdio.h>
#include "core/slice.h"

/*
 * Writes text so that it stays text, between tags and in quoted attributes, of HTML and
 * of XML 1.0 in UTF-8. What cannot stand there (control characters, broken UTF-8) becomes
 * U+FFFD.
 */
void markup_slice(FILE *out, struct slice text);

/* The same for a string. */
void markup_text(FILE *out, const char *text);

/* 1234567 as 1,234,567. */
void markup_number(FILE *out, uint64_t number);

#endif
