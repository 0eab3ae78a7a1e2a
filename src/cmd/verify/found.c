/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/found.h"

#include <stdio.h>
#include <stdlib.h>
#include "cmd/progress.h"
#include "cmd/verify/canonical.h"
#include "cmd/verify/fetch.h"

const char found_unknown[] =
    "no redirect shows where the canonical registry is; --canonical says it";

/* ---- where it is ---- */

/* Asks the canonical registry itself, in place of a journey that has led elsewhere. */
static void ask_there(struct inspection *inspection, const char *target, const char *accept,
                      struct journey *journey)
{
    char *url;

    journey_end(journey);
    *journey = (struct journey){0};
    if (asprintf(&url, "%s%s", inspection->traveller.door->canonical, target + strlen("/v2")) < 0)
        return;
    journey_make(journey, &inspection->traveller,
                 &(struct errand){.target = url, .accept = accept});
    free(url);
}

/* That a front door which redirects has done so here, and one which answers has the same to say. */
static void judge_way(struct trial *trial, const struct journey *journey)
{
    const struct door *door = trial->inspection->traveller.door;

    if (!journey->arrived)
        trial_fault(trial, journey, "%s", journey->why.text);
    else if (journey_is_redirected(journey))
        trial_fault(trial, journey, "it is sent elsewhere than to %s", door->canonical);
    else if (!door->answers)
        trial_fault(trial, journey, "the front door answers %ld itself", journey->answer.status);
}

bool found_ask(struct trial *trial, const char *target, const char *accept, struct journey *journey)
{
    struct inspection *inspection = trial->inspection;
    const char *base = inspection->traveller.door->canonical;
    struct slice asked = slice_of(target + strlen("/v2"));

    journey_make(journey, &inspection->traveller,
                 &(struct errand){.target = target, .accept = accept});
    if (!base)
        return journey_status(journey) == 200;
    trial_try(trial);
    if (canonical_reached(journey, base, asked))
        return journey_status(journey) == 200;
    judge_way(trial, journey);
    long status = journey_status(journey);
    ask_there(inspection, target, accept, journey);
    if (status && inspection->traveller.door->answers && status != journey_status(journey))
        trial_fault(trial, journey, "the front door answers %ld, the canonical registry %ld",
                    status, journey_status(journey));
    return journey_status(journey) == 200;
}

bool found_add_listed(struct found *found, struct slice index)
{
    struct manifest manifest;

    if (!manifest_parse(&manifest, index))
        return false;
    bool is_index = manifest.is_index;
    for (size_t i = 0; i < manifest.parts.count && found->manifests.count < FOUND_MAX; i++)
        digest_set_add(&found->manifests, slice_of(manifest.parts.list[i]));
    manifest_clear(&manifest);
    return is_index;
}

void found_look(struct found *found, struct trial *trial, const char *target)
{
    char digest[DIGEST_SHA256_TEXT];
    struct journey journey;

    if (!found_ask(trial, target, accept_manifest, &journey)) {
        fetch_arrives(trial, &journey, 404); /* else it is not known whether there is one */
    } else if (found->manifests.count < FOUND_MAX) {
        if (digest_of(journey.answer.body, digest))
            digest_set_add(&found->manifests, slice_of(digest));
        else
            found->manifests.starved = true;
        found_add_listed(found, journey.answer.body);
    }
    journey_end(&journey);
}

/* ---- whether it arrives ---- */

/* Manifests whose content is to be fetched. */
struct content {
    struct manifest *list;
    size_t count;
};

static void keep(struct content *content, struct slice body)
{
    struct manifest *more = realloc(content->list, (content->count + 1) * sizeof *more);

    if (!more)
        return;
    content->list = more;
    if (manifest_parse(&more[content->count], body))
        content->count++;
}

/* What a manifest consists of is read where it can be: there, if it does not arrive. */
static void examine_manifest(struct trial *trial, struct slice digest, struct content *content)
{
    struct target_text target = target_of(trial->inspection, "manifests", digest);
    struct journey journey;
    bool good = fetch_manifest(trial, digest, &journey);
    long long size = good ? (long long)journey.answer.body.len : -1;

    if (!good && trial->inspection->traveller.door->canonical)
        ask_there(trial->inspection, target.text, accept_manifest, &journey);
    if (journey_status(&journey) == 200)
        keep(content, journey.answer.body);
    journey_end(&journey);
    if (good)
        fetch_head(trial, "manifests", digest, digest, size);
}

/* Each blob once: many share an empty configuration. */
static void examine_content(struct trial *trial, const struct content *content)
{
    struct digest_set done = {0};

    for (size_t i = 0; i < content->count; i++)
        for (size_t j = 0; j < content->list[i].count && !interrupt_came(); j++) {
            const struct descriptor *blob = &content->list[i].list[j];
            if (blob->is_manifest || digest_set_has(&done, slice_of(blob->digest)))
                continue;
            digest_set_add(&done, slice_of(blob->digest));
            fetch_blob(trial, blob);
        }
    digest_set_clear(&done);
}

void found_examine(const struct found *found, struct inspection *inspection, enum check digest,
                   enum check content, const char *none)
{
    struct content parts = {0};
    struct trial trial = trial_begin(inspection, digest);

    for (size_t i = 0; i < found->manifests.count && !interrupt_came(); i++)
        examine_manifest(&trial, slice_of(found->manifests.list[i]), &parts);
    if (found->manifests.starved)
        trial_fault(&trial, NULL, "there is not enough memory to look at all of it");
    trial_end(&trial, none);
    trial = trial_begin(inspection, content);
    examine_content(&trial, &parts);
    trial_end(&trial, none);
    for (size_t i = 0; i < parts.count; i++)
        manifest_clear(&parts.list[i]);
    free(parts.list);
}

void found_clear(struct found *found)
{
    digest_set_clear(&found->manifests);
}
