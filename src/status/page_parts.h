/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the status page, and what they share. For page*.c only. */
#ifndef STATUS_PAGE_PARTS_H
#define STATUS_PAGE_PARTS_H

#include <stdio.h>
#include "status/status.h"

/* Sections of the page, in their order. */
void page_write_targets(const struct status *status, FILE *out);
void page_write_maps(const struct status *status, FILE *out);
void page_write_requests(const struct status *status, FILE *out);
void page_write_prober(const struct status *status, FILE *out);

/* 1234567 as 1,234,567. */
void page_write_number(FILE *out, uint64_t number);

/* A point in time, seconds since 1970, as a time element: "2026-11-23 20:15:00 UTC". */
void page_write_time(FILE *out, int64_t seconds);

/* A heading with what a link or a label names it by. */
void page_write_heading(FILE *out, const char *id, const char *text);

/* A row of two columns, what and how many; share of all as a bar, unless all is 0. */
void page_write_count(FILE *out, const char *what, uint64_t count, uint64_t all);

#endif
