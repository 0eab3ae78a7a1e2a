/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation as JSON; only in a build with jansson. */
#ifndef EXPLAIN_JSON_H
#define EXPLAIN_JSON_H

#include <jansson.h>
#include "explain.h"

/* A new reference, owned by the caller. */
json_t *explain_json(const struct explanation *explanation);

#endif
