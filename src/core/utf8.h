/* SPDX-License-Identifier: Apache-2.0 */
/* Text in UTF-8, as RFC 3629 has it: no surrogates, none longer than it must be. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "core/slice.h"

/* How many bytes the first character of a text has; 0 if it is none, or not whole. */
size_t utf8_length(struct slice text);

#endif
