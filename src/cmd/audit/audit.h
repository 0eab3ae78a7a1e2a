/* SPDX-License-Identifier: Apache-2.0 */
/* signpost audit: whether the canonical registry has all that the other upstreams have. */
#ifndef CMD_AUDIT_AUDIT_H
#define CMD_AUDIT_AUDIT_H

#include <stddef.h>

enum audit_format { AUDIT_TEXT, AUDIT_JSON, AUDIT_CSV };

/* The words of the command line; NULL for what is not given. */
struct audit_call {
    const char *config, *repositories, *resume, *index;
    enum audit_format format;
    unsigned parallel;
    char *const *names;
    size_t name_count;
};

/* Reads, compares and reports. An exit status. */
int audit(const struct audit_call *call);

#endif
