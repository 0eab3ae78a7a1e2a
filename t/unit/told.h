/* SPDX-License-Identifier: Apache-2.0 */
/* What was said to an operator last, and how often something was. */
#ifndef TOLD_H
#define TOLD_H

#include <stdio.h>

static struct {
    int count;
    char last[400];
} told;

static void note(void *context, const char *text)
{
    (void)context;
    told.count++;
    snprintf(told.last, sizeof told.last, "%s", text);
}

#endif
