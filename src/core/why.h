/* SPDX-License-Identifier: Apache-2.0 */
/* Why something was refused: a whole sentence for people. */
#ifndef CORE_WHY_H
#define CORE_WHY_H

struct why {
    char text[320];
};

/*
 * Sets the reason, cut to what fits. It is UTF-8: bytes that are none, and control characters,
 * which could disturb a terminal, become '?'. why may be NULL.
 */
void why_set(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline _Bool why_false(void)
{
    return 0;
}

/* The same. Is false, which analyzers can see: a check can end with `return why_not(why, …);`. */
#define why_not(...) (why_set(__VA_ARGS__), why_false())

#endif
