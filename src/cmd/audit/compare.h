/* SPDX-License-Identifier: Apache-2.0 */
/* What several registries hold of one repository, side by side. */
#ifndef CMD_AUDIT_COMPARE_H
#define CMD_AUDIT_COMPARE_H

#include <jansson.h>
#include "cmd/audit/inventory.h"
#include "cmd/audit/registries.h"

/*
 * Compares what each of the registries holds of a repository, the canonical one
 * first, by content. The record of it is a new JSON object, NULL without memory:
 *
 *   repository
 *   registries  for each, in order: how many things of each kind it has, its
 *               requests, and, if it could not be read, why
 *   only        how many things of each kind exist at the canonical registry alone
 *   contained   signatures that an upstream has in an older state than the canonical
 *               registry, which has all that is in them
 *   findings    [{ finding, kind, tag, digest, subject, at: [names] }]: "missing" at
 *               the canonical registry; "differs", one tag with several digests, here
 *               at: { name: digest }; "unsigned", an image without a signature;
 *               "nowhere", without the rest: no registry has anything of it
 *   content, own  digests, where the inventories have them
 *
 * What a registry that could not be read would have is taken for unknown: nothing
 * is said to be missing there, or to be there alone.
 */
json_t *audit_compare(struct slice repository, const struct registries *registries,
                      const struct inventory *inventories);

#endif
