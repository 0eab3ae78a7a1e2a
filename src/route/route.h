/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way from its path to a decision: classify, locate, decide. */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "route/decide.h"
#include "state/knowledge.h"

struct routed {
    struct classified classified;
    const char *listed_by; /* what of the index lists the object, see index_listed_by */
    struct client client;
    struct decision decision;
};

/*
 * Decides on a request. knowledge, findings and trace may be NULL. What is routed borrows from
 * the configuration and the request.
 */
void route(const struct config *config, const struct knowledge *knowledge,
           const struct request *request, const struct findings *findings,
           const struct decision_trace *trace, struct routed *routed);

#endif
