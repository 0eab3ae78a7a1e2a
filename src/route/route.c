/* SPDX-License-Identifier: Apache-2.0 */
#include "route/route.h"

#include "route/locate.h"

/*
 * Content by digest that the index lists is a signature's, whichever endpoint it
 * is asked for at: containerd looks for manifests below blobs/, too.
 */
static const char *find_in_index(const struct classified *classified,
                                 const struct knowledge *knowledge)
{
    bool is_content = classified->class == CLASS_MANIFEST_DIGEST || classified->class == CLASS_BLOB;

    return is_content && knowledge
               ? index_listed_by(knowledge->index, classified->reference, classified->name)
               : NULL;
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
    routed->listed_by = find_in_index(classified, knowledge);
    if (routed->listed_by)
        classified->class = CLASS_SIGNATURE_DIGEST;
    if (classified->class < CLASS_ROUTED)
        routed->client = locate(config, knowledge, request);
    decide(&question, &routed->decision);
    if (routed->decision.outcome == OUTCOME_PAGE)
        classified->class = CLASS_PAGE;
}
