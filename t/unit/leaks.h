/* SPDX-License-Identifier: Apache-2.0 */
/* libconfig 1.5 loses the string that a syntax error comes with; LeakSanitizer passes over that. */
#ifndef LEAKS_H
#define LEAKS_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig\nleak:strbuf_append\n";
}

#endif
