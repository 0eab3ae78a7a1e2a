/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that make inspections, a few at a time, and hand over their findings in order. */
#ifndef CMD_VERIFY_CREW_H
#define CMD_VERIFY_CREW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { VERIFY_JOBS_MAX = 64 };

struct verify_crew {
    size_t count; /* of inspections */
    unsigned jobs;
    /* Makes an inspection, in any thread: its findings, or NULL if it was interrupted. */
    json_t *(*inspect)(void *context, size_t number);
    /* Called by the thread that began, with one after the other; the findings are its own. */
    void (*take)(void *context, size_t number, json_t *findings);
    /* Called by it a few times a second. */
    void (*progress)(void *context, size_t done);
    void *context;
};

/* Makes all of them; needs interrupt_hold before. False if that was interrupted. */
bool verify_crew_run(const struct verify_crew *crew);

#endif
