/* SPDX-License-Identifier: Apache-2.0 */
/* Referrers, by the API and under the fallback tag (distribution-spec, "Listing Referrers"). */
#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/progress.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "cmd/verify/found.h"
#include "parse/oci.h"
#include "registry/headers.h"

enum { PAGES_MAX = 100 };

static const char index_type[] = "application/vnd.oci.image.index.v1+json";

/* ---- the list ---- */

/* What a 404 says in JSON; "" if nothing. */
static bool is_name_unknown(struct slice body)
{
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    const json_t *error = json_array_get(json_object_get(json, "errors"), 0);
    const char *code = json_string_value(json_object_get(error, "code"));
    bool unknown = code && strcmp(code, "NAME_UNKNOWN") == 0;

    json_decref(json);
    return unknown;
}

/* The answer of the API, in the only forms that all clients take. */
static void judge_answer(struct trial *trial, const struct journey *journey)
{
    struct slice head = journey->answer.head, type = {"", 0};
    long status = journey_status(journey);
    struct found none = {0};

    trial_try(trial);
    header_find(&head, SLICE("Content-Type"), &type);
    if (status == 404 && is_name_unknown(journey->answer.body))
        trial_fault(trial, journey, "its code is NAME_UNKNOWN");
    else if (status == 404)
        return;
    else if (fetch_arrives(trial, journey, 200) && !slice_equal(type, slice_of(index_type)))
        trial_fault(trial, journey, "its Content-Type is \"%.*s\"", (int)type.len, type.at);
    else if (status == 200 && !found_add_listed(&none, journey->answer.body))
        trial_fault(trial, journey, "what came is no index");
    found_clear(&none);
}

/* Adds what the list has, and its further pages, as the registry leads to them. */
static void read_list(struct inspection *inspection, struct journey *journey, struct found *found)
{
    for (size_t page = 0; page < PAGES_MAX && journey_status(journey) == 200; page++) {
        struct slice link = link_next(slice_of(journey->answer.link));
        char *next = link.len ? http_resolve(journey_url(journey), link) : NULL;
        if (!found_add_listed(found, journey->answer.body) || !next || interrupt_came()) {
            free(next);
            return;
        }
        journey_end(journey);
        journey_make(journey, &inspection->traveller,
                     &(struct errand){.target = next, .accept = index_type});
        free(next);
    }
}

static void examine_api(struct inspection *inspection, const struct image *image,
                        struct found *found)
{
    struct trial way = trial_begin(inspection, CHECK_REFERRERS);
    struct trial type = trial_begin(inspection, CHECK_REFERRERS_TYPE);

    for (size_t i = 0; i < image->subjects.count && !interrupt_came(); i++) {
        struct slice digest = slice_of(image->subjects.list[i]);
        struct target_text target = target_of(inspection, "referrers", digest);
        struct journey journey;
        bool there = found_ask(&way, target.text, index_type, &journey);
        judge_answer(&type, &journey);
        if (there)
            read_list(inspection, &journey, found);
        journey_end(&journey);
    }
    trial_end(&way, found_unknown);
    trial_end(&type, "its digest is not known");
}

/* ---- the query ---- */

static struct slice query_of(const char *url)
{
    const char *query = strchr(url, '?');

    return slice_of(query ? query : "");
}

static void examine_query(struct inspection *inspection, const struct image *image)
{
    static const char asked[] = "?artifactType=a%2Bb%2fc&artifactType=d&n=7";
    struct trial trial = trial_begin(inspection, CHECK_REFERRERS_QUERY);
    struct target_text target;
    struct journey journey;

    if (image->subjects.count) {
        target = target_of(inspection, "referrers", slice_of(image->subjects.list[0]));
        strncat(target.text, asked, sizeof target.text - strlen(target.text) - 1);
        journey_make(&journey, &inspection->traveller,
                     &(struct errand){.target = target.text, .accept = index_type, .stays = true});
        if (journey_is_redirected(&journey)) {
            trial_try(&trial);
            if (!slice_equal(query_of(journey.hop[0].location), slice_of(asked)))
                trial_fault(&trial, &journey, "the query has become \"%s\"",
                            query_of(journey.hop[0].location).at);
        }
        journey_end(&journey);
    }
    trial_end(&trial, "the front door does not redirect referrers");
}

/* ---- the fallback ---- */

static void examine_fallback(struct inspection *inspection, const struct image *image,
                             struct found *found)
{
    struct trial trial = trial_begin(inspection, CHECK_FALLBACK);

    for (size_t i = 0; i < image->subjects.count && !interrupt_came(); i++) {
        struct slice digest = slice_of(image->subjects.list[i]);
        struct slice algorithm = oci_digest_algorithm(digest), encoded = oci_digest_encoded(digest);
        char tag[OCI_TAG_MAX + 1];
        int len =
            snprintf(tag, sizeof tag, "%.*s-%.64s", (int)algorithm.len, algorithm.at, encoded.at);
        if (len < 0 || len > OCI_TAG_MAX)
            continue;
        struct target_text target =
            target_of(inspection, "manifests", (struct slice){tag, (size_t)len});
        found_look(found, &trial, target.text);
    }
    trial_end(&trial, found_unknown);
}

void examine_referrers(struct inspection *inspection, const struct image *image)
{
    struct found found = {0};

    examine_api(inspection, image, &found);
    examine_query(inspection, image);
    examine_fallback(inspection, image, &found);
    found_examine(&found, inspection, CHECK_REFERRER_DIGEST, CHECK_REFERRER_CONTENT,
                  "nothing refers to it");
    found_clear(&found);
}
