/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include "locate.h"

struct routed route(const struct config *config, const struct knowledge *knowledge,
                    const struct request *request, const struct decision_trace *trace)
{
    struct routed r = {.classified.class = CLASS_OTHER, .client.place = NOWHERE};

    if (request->fault == TARGET_FINE)
        r.classified = classify(request->path, &config->signatures);
    if (r.classified.class < CLASS_ROUTED)
        r.client = locate(config, knowledge, request);
    r.decision = decide(config, request, &r.classified, &r.client, trace);
    return r;
}
