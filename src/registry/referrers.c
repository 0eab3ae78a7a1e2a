/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/referrers.h"

#include "registry/manifest.h"

enum registry_outcome referrers_list(struct registry_client *client, struct slice name,
                                     struct slice subject, struct digest_set *referrers,
                                     struct why *why)
{
    const struct http_response *response;
    enum registry_outcome outcome =
        registry_get(client, name, REGISTRY_REFERRERS, subject, &response, why);

    for (unsigned pages = 0; outcome == REGISTRY_FOUND; pages++) {
        struct manifest index;
        /* Some answer anything they do not know with a page for people. */
        bool good = manifest_parse(&index, response->body);
        if (!good && pages == 0)
            return REGISTRY_ABSENT;
        if (!good || pages == REFERRERS_PAGES_MAX) {
            if (good)
                why_not(why, "it has more than %d pages of referrers", REFERRERS_PAGES_MAX);
            else
                why_not(why, "a page of its referrers is no index");
            manifest_clear(&index);
            return REGISTRY_FAILED;
        }
        digest_set_merge(referrers, &index.parts);
        manifest_clear(&index);
        outcome = registry_get_next(client, &response, why);
        if (referrers->starved) {
            why_not(why, "there is not enough memory");
            return REGISTRY_FAILED;
        }
        if (outcome == REGISTRY_ABSENT)
            return REGISTRY_FOUND;
    }
    return outcome;
}
