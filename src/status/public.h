/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files for everybody, in the folder "public" of the state directory: a web
 * server serves them, as they are.
 */
#ifndef STATUS_PUBLIC_H
#define STATUS_PUBLIC_H

#include <stdio.h>
#include "core/why.h"
#include "state/state.h"
#include "status/status.h"

#define PUBLIC_FOLDER "public"
#define PUBLIC_JSON   "status.json"

/* Those who write the status down. An error of the stream is all that can go wrong. */
typedef void status_writer(const struct status *status, FILE *out);

status_writer status_write_metrics;   /* Prometheus' text format, 0.0.4 */
status_writer status_write_json;      /* nothing without jansson */
status_writer status_write_page;      /* HTML, for people */
status_writer status_write_live_page; /* the same, loading itself again */

/*
 * Replaces the public files, each by rename, in the state directory, which is open. They can be
 * read by everyone who may enter the directory. False with the reason.
 */
bool public_write(const struct status *status, const struct state *state, struct why *why);

#endif
