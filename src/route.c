/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include "locate.h"

/*
 * Content by digest that the index lists is a signature's, whichever endpoint it
 * is asked for at: containerd looks for manifests below blobs/, too.
 */
static bool is_signature_digest(const struct classified *classified,
                                const struct knowledge *knowledge)
{
    return (classified->class == CLASS_MANIFEST_DIGEST || classified->class == CLASS_BLOB) &&
           knowledge && index_has(knowledge->index, classified->reference, classified->name);
}

void route(const struct config *config, const struct knowledge *knowledge,
           const struct request *request, const struct findings *findings,
           const struct decision_trace *trace, struct routed *routed)
{
    struct classified *classified = &routed->classified;
    struct question question = {.config = config,
                                .knowledge = knowledge,
                                .request = request,
                                .classified = classified,
                                .client = &routed->client,
                                .findings = findings,
                                .trace = trace};

    *classified = (struct classified){.class = CLASS_OTHER};
    routed->client = (struct client){.place = NOWHERE};
    if (request->fault == TARGET_FINE)
        *classified = classify(request->path, &config->signatures);
    if (is_signature_digest(classified, knowledge))
        classified->class = CLASS_SIGNATURE_DIGEST;
    if (classified->class < CLASS_ROUTED)
        routed->client = locate(config, knowledge, request);
    decide(&question, &routed->decision);
    if (routed->decision.outcome == OUTCOME_PAGE)
        classified->class = CLASS_PAGE;
}
