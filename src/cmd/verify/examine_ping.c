/* SPDX-License-Identifier: Apache-2.0 */
/* The front door's greeting, /v2/ (distribution-spec, "Determining Support"). */
#include "config.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "registry/headers.h"

static void ping(struct inspection *inspection, enum check check, const struct errand *errand)
{
    struct trial trial = trial_begin(inspection, check);
    struct journey journey;

    trial_try(&trial);
    journey_make(&journey, &inspection->traveller, errand);
    fetch_arrives(&trial, &journey, 200);
    journey_end(&journey);
    trial_end(&trial, NULL);
}

static void headers(struct inspection *inspection)
{
    static const struct slice unwanted[] = {SLICE("WWW-Authenticate"),
                                            SLICE("X-Registry-Supports-Signatures")};
    struct trial trial = trial_begin(inspection, CHECK_PING_HEADERS);
    struct journey journey;

    journey_make(&journey, &inspection->traveller,
                 &(struct errand){.target = "/v2/", .stays = true});
    if (journey.arrived)
        trial_try(&trial);
    for (size_t i = 0; journey.arrived && i < 2; i++) {
        struct slice head = journey.answer.head, value;
        if (header_find(&head, unwanted[i], &value))
            trial_fault(&trial, &journey, "the answer has the header %s", unwanted[i].at);
    }
    journey_end(&journey);
    trial_end(&trial, "there was no answer");
}

void examine_ping(struct inspection *inspection)
{
    ping(inspection, CHECK_PING, &(struct errand){.target = "/v2/", .stays = true});
    ping(inspection, CHECK_PING_HEAD,
         &(struct errand){.target = "/v2/", .method = "HEAD", .stays = true});
    ping(inspection, CHECK_PING_BARE, &(struct errand){.target = "/v2"});
    headers(inspection);
}
