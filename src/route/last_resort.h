/* SPDX-License-Identifier: Apache-2.0 */
/* Which targets get requests although they are to get none, since no other one may take them. */
#ifndef ROUTE_LAST_RESORT_H
#define ROUTE_LAST_RESORT_H

#include <stdbool.h>
#include "config/configuration.h"
#include "core/why.h"
#include "state/admission.h"

/*
 * Whether a target that is drained or has a share of none gets requests all the same. part is
 * that of each of the configuration's targets; how healthy they are does not matter. True, with
 * the reason in a part of a sentence.
 */
bool last_resort(const struct config *config, const struct part *part, const struct target *target,
                 struct why *why);

#endif
