/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request's client is. */
#ifndef ROUTE_LOCATE_H
#define ROUTE_LOCATE_H

#include "config/client.h"
#include "config/configuration.h"
#include "parse/request.h"
#include "state/knowledge.h"

/*
 * Looks, in this order, at SIGNPOST_REGION (only the web server can set it), at
 * the region header, and at the address in the databases (knowledge may be NULL:
 * there are none). The result borrows from the request and the configuration.
 */
struct client locate(const struct config *config, const struct knowledge *knowledge,
                     const struct request *request);

#endif
