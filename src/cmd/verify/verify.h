/* SPDX-License-Identifier: Apache-2.0 */
/* signpost verify: checks a front door that is in service, as clients would use it. */
#ifndef CMD_VERIFY_VERIFY_H
#define CMD_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

/* The words of the command line; NULL for what is not given. */
struct verify_call {
    const char *url, *canonical, *header, *ca_file, *state;
    const char **images, **places, **addresses; /* the caller's */
    size_t image_count, place_count, address_count;
    bool json, whole;
    unsigned jobs; /* inspections at a time */
};

/* Makes all checks and reports them. Returns the exit status. */
int verify(const struct verify_call *call);

#endif
