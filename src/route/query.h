/* SPDX-License-Identifier: Apache-2.0 */
/* What of a request's query goes on to the target. */
#ifndef ROUTE_QUERY_H
#define ROUTE_QUERY_H

#include "config/rule.h"
#include "core/text.h"
#include "parse/classify.h"

/*
 * Writes "?query", or nothing if nothing is left of it. The endpoint decides,
 * unless the rule does: referrers and content keep it byte for byte; tags/list
 * loses `n`, since paging links of a backend break crane and skopeo; `ns`, which
 * containerd adds for mirrors, is always dropped.
 */
void query_write(struct text *out, struct slice query, enum endpoint endpoint,
                 enum query_policy policy);

#endif
