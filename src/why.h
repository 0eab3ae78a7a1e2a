/* SPDX-License-Identifier: Apache-2.0 */
/* Why something was refused: a whole sentence for people. */
#ifndef WHY_H
#define WHY_H

struct why {
    char text[320];
};

/*
 * Sets the reason, cut to what fits; bytes that could disturb a terminal become
 * '?'. why may be NULL. Returns false, so that a check can end with
 * `return why_not(why, …);`.
 */
_Bool why_not(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
