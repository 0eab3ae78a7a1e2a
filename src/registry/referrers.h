/* SPDX-License-Identifier: Apache-2.0 */
/* What refers to a manifest, by the referrers API. */
#ifndef REGISTRY_REFERRERS_H
#define REGISTRY_REFERRERS_H

#include "core/slice.h"
#include "core/why.h"
#include "registry/client.h"
#include "registry/digest.h"

enum { REFERRERS_PAGES_MAX = 1000 };

/*
 * Adds the digests on all pages of the list of what refers to a manifest
 * (distribution-spec 1.1, "Listing Referrers"). REGISTRY_ABSENT: the registry has
 * no such API, so that nothing is known; REGISTRY_FAILED with the reason.
 */
enum registry_outcome referrers_list(struct registry_client *client, struct slice name,
                                     struct slice subject, struct digest_set *referrers,
                                     struct why *why);

#endif
