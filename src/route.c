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
           knowledge && index_has(knowledge->index, classified->reference);
}

struct routed route(const struct config *config, const struct knowledge *knowledge,
                    const struct request *request, const struct findings *findings,
                    const struct decision_trace *trace)
{
    struct routed r = {.classified.class = CLASS_OTHER, .client.place = NOWHERE};

    if (request->fault == TARGET_FINE)
        r.classified = classify(request->path, &config->signatures);
    if (is_signature_digest(&r.classified, knowledge))
        r.classified.class = CLASS_SIGNATURE_DIGEST;
    if (r.classified.class < CLASS_ROUTED)
        r.client = locate(config, knowledge, request);
    r.decision = decide(&(struct question){.config = config,
                                           .knowledge = knowledge,
                                           .request = request,
                                           .classified = &r.classified,
                                           .client = &r.client,
                                           .findings = findings,
                                           .trace = trace});
    if (r.decision.outcome == OUTCOME_PAGE)
        r.classified.class = CLASS_PAGE;
    return r;
}
