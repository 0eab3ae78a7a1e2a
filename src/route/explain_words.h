/* SPDX-License-Identifier: Apache-2.0 */
/* The words for why a request goes where it goes: in the log, and of `signpost explain`. */
#ifndef ROUTE_EXPLAIN_WORDS_H
#define ROUTE_EXPLAIN_WORDS_H

#include "route/decide.h"
#include "route/nearest.h"

/* Where it was learned where the client is: "the region header" … */
const char *explain_source(const struct client *client);

const char *explain_nearness(enum nearness nearness);
const char *explain_verdict(enum verdict verdict);

/* Stands behind VERDICT_TAKEN's words; empty if the decision is no unsure one. */
const char *explain_unsure(enum unsure unsure);

#endif
