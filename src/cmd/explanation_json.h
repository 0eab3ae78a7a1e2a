/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation as JSON; only in a build with jansson. */
#ifndef CMD_EXPLANATION_JSON_H
#define CMD_EXPLANATION_JSON_H

#include <jansson.h>
#include "cmd/explanation.h"

/* New references, owned by the caller: all of it, the client alone, the upstreams' ranks alone. */
json_t *explain_json(const struct explanation *explanation);
json_t *explain_client_json(const struct explanation *explanation);
json_t *explain_ranks_json(const struct explanation *explanation);

#endif
