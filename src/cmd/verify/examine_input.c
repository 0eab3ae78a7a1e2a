/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that no client makes, and which a front door must survive. */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "cmd/verify/canonical.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "cmd/verify/location.h"
#include "cmd/verify/oci_error.h"
#include "registry/headers.h"

/* A target, with the repository's name where a pattern has its only "*". */
static struct target_text fill(const struct inspection *inspection, const char *pattern)
{
    const char *star = strchr(pattern, '*');
    struct slice name = inspection->name;
    struct target_text target;

    snprintf(target.text, sizeof target.text, "%.*s%.*s%s", (int)(star - pattern), pattern,
             (int)name.len, name.at, star + 1);
    return target;
}

/* Sends a bad request, and goes nowhere. False, with a fault, if the front door breaks on it. */
static bool survives(struct trial *trial, const char *target, struct journey *journey)
{
    trial_try(trial);
    journey_make(journey, &trial->inspection->traveller,
                 &(struct errand){.target = target, .stays = true});
    if (!journey->arrived)
        trial_fault(trial, journey, "%s", journey->why.text);
    else if (journey->answer.status >= 500)
        trial_fault(trial, journey, "the answer is %ld", journey->answer.status);
    else
        return true;
    return false;
}

/* ---- dot segments ---- */

/* Where ordinary requests for manifests are sent; to be freed, NULL if they are not. */
static char *ordinary_base(struct inspection *inspection)
{
    struct target_text target = target_of(inspection, "manifests", SLICE("latest"));
    struct journey journey;

    journey_make(&journey, &inspection->traveller, &(struct errand){.target = target.text});
    char *base = canonical_learn(&journey, inspection->traveller.door, target_asked(&target));
    journey_end(&journey);
    return base;
}

static void examine_dots(struct inspection *inspection)
{
    static const char *const patterns[] = {
        "/v2/../../signpost-verify/*/manifests/latest",
        "/v2/*/../../../../signpost-verify/manifests/latest",
        "/v2/*/%2e%2e/%2E%2e/%2e./.%2e/signpost-verify/manifests/latest",
        "/v2/*%2f..%2f..%2f..%2fsignpost-verify/manifests/latest",
        "/v2/*/./manifests/latest",
        "/v2//*/manifests/latest",
        "/v2/*/manifests/../../../../signpost-verify/manifests/latest",
        "/v2/*/manifests/..%2f..%2f..%2flatest",
        "/v2/*/blobs/sha256:..%2f..%2f..%2f..%2fsignpost-verify",
    };
    struct trial trial = trial_begin(inspection, CHECK_DOTS);
    const char *door = inspection->traveller.door->url;
    char *base = ordinary_base(inspection);

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct target_text target = fill(inspection, patterns[i]);
        struct journey journey;
        bool alive = survives(&trial, target.text, &journey);
        const char *location = journey.count ? journey.hop[0].location : "";
        bool away = alive && journey_is_redirected(&journey) && location[0] != '/' &&
                    !http_same_host(location, door);
        if (away && location_is_crooked(location))
            trial_fault(&trial, &journey, "the redirect hands on what is crooked in the path");
        else if (away && base && location_leaves(location, base))
            trial_fault(&trial, &journey, "the redirect leads out of %s", base);
        journey_end(&journey);
    }
    free(base);
    trial_end(&trial, NULL);
}

/* ---- line ends and NUL ---- */

static void examine_injection(struct inspection *inspection)
{
    static const char *const patterns[] = {
        "/v2/*/manifests/v1%0d%0aX-Signpost-Verify:%20yes",
        "/v2/*/manifests/v1%0aX-Signpost-Verify:%20yes",
        "/v2/*%0d%0aX-Signpost-Verify:%20yes%0d%0a/manifests/v1",
        "/v2/*/manifests/v1?ns=%0d%0aX-Signpost-Verify:%20yes",
        "/v2/*/manifests/v1%00.sig",
    };
    struct trial trial = trial_begin(inspection, CHECK_INJECTION);

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct target_text target = fill(inspection, patterns[i]);
        struct journey journey;
        bool alive = survives(&trial, target.text, &journey);
        struct slice head = journey.answer.head, value,
                     location = slice_of(journey.answer.location);
        if (alive && header_find(&head, SLICE("X-Signpost-Verify"), &value))
            trial_fault(&trial, &journey, "the request has put a header into the answer");
        else if (alive && strstr(patterns[i], "%00") &&
                 slice_ends(location, SLICE("/manifests/v1")))
            trial_fault(&trial, &journey, "the redirect is cut short at the NUL");
        journey_end(&journey);
    }
    trial_end(&trial, NULL);
}

/* ---- references ---- */

static void examine_digests(struct inspection *inspection)
{
    static const char *const patterns[] = {
        "/v2/*/manifests/sha256:12",
        "/v2/*/manifests/sha256:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "/v2/*/blobs/sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "/v2/*/blobs/sha256:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
        "/v2/*/referrers/sha256:12",
    };
    struct trial trial = trial_begin(inspection, CHECK_BAD_DIGEST);

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct target_text target = fill(inspection, patterns[i]);
        struct journey journey;
        trial_try(&trial);
        journey_make(&journey, &inspection->traveller, &(struct errand){.target = target.text});
        if (!journey.arrived)
            trial_fault(&trial, &journey, "%s", journey.why.text);
        else if (journey.answer.status / 100 != 4)
            trial_fault(&trial, &journey, "the answer is %ld", journey.answer.status);
        journey_end(&journey);
    }
    trial_end(&trial, NULL);
}

/* What containerd makes of a sha512 digest, as referrers' fallback. */
static void examine_long_tag(struct inspection *inspection)
{
    struct trial tag = trial_begin(inspection, CHECK_LONG_TAG);
    struct trial error = trial_begin(inspection, CHECK_ERRORS);
    struct journey journey;
    char text[136];

    snprintf(text, sizeof text, "sha512-%0128d", 0);
    struct target_text target = target_of(inspection, "manifests", slice_of(text));
    trial_try(&tag);
    journey_make(&journey, &inspection->traveller, &(struct errand){.target = target.text});
    bool good = fetch_arrives(&tag, &journey, 404);
    if (good && !journey_is_redirected(&journey)) {
        trial_try(&error);
        oci_error_judge(&error, &journey);
    }
    journey_end(&journey);
    trial_end(&tag, NULL);
    trial_end(&error, "the front door leaves it to the registries");
}

void examine_input(struct inspection *inspection)
{
    examine_dots(inspection);
    examine_injection(inspection);
    examine_digests(inspection);
    examine_long_tag(inspection);
}
