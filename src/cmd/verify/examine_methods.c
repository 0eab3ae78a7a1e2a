/* SPDX-License-Identifier: Apache-2.0 */
/* Methods that a front door has to refuse, and HEAD, which it may not. */
#include "config.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "registry/headers.h"

/* Nobody has it: should a registry itself be asked, nothing is written or deleted there. */
static const char nobodys[] =
    "/v2/signpost-verify/nothing/manifests/"
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/* Whether a list of words with commas has this one. */
static bool names(struct slice list, struct slice word)
{
    while (list.len) {
        const char *comma = memchr(list.at, ',', list.len);
        struct slice one = comma ? slice_to(list, (size_t)(comma - list.at)) : list;
        if (slice_equal(slice_trim(one), word))
            return true;
        list = slice_from(list, one.len + (comma ? 1 : 0));
    }
    return false;
}

static void judge_refusal(struct trial *trial, const struct journey *journey, const char *method)
{
    struct slice head = journey->answer.head, allow = {"", 0};

    if (!fetch_arrives(trial, journey, 405))
        return;
    header_find(&head, SLICE("Allow"), &allow);
    if (!names(allow, SLICE("GET")) || !names(allow, SLICE("HEAD")) ||
        names(allow, slice_of(method)))
        trial_fault(trial, journey, "%s is refused with \"Allow: %.*s\"", method, (int)allow.len,
                    allow.at);
}

static void examine_writing(struct inspection *inspection)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct trial trial = trial_begin(inspection, CHECK_METHODS);

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct journey journey;
        trial_try(&trial);
        journey_make(&journey, &inspection->traveller,
                     &(struct errand){.target = nobodys, .method = methods[i], .stays = true});
        judge_refusal(&trial, &journey, methods[i]);
        journey_end(&journey);
    }
    trial_end(&trial, NULL);
}

static void try_head(struct trial *trial, const char *target)
{
    struct journey journey;

    trial_try(trial);
    journey_make(&journey, &trial->inspection->traveller,
                 &(struct errand){.target = target, .method = "HEAD", .stays = true});
    long status = journey_status(&journey);
    if (!journey.arrived)
        trial_fault(trial, &journey, "%s", journey.why.text);
    else if (status == 405 || status == 501)
        trial_fault(trial, &journey, "HEAD is answered %ld", status);
    journey_end(&journey);
}

static void examine_head(struct inspection *inspection)
{
    static const struct {
        const char *kind;
        struct slice reference;
    } asked[] = {{"manifests", SLICE("latest")}, {"tags", SLICE("list")}};
    static const char *const kinds[] = {"manifests", "blobs", "referrers"};
    struct trial trial = trial_begin(inspection, CHECK_HEAD);
    char digest[DIGEST_SHA256_TEXT];

    digest_of(SLICE("nothing has the digest of this sentence"), digest);
    for (size_t i = 0; i < 2; i++)
        try_head(&trial, target_of(inspection, asked[i].kind, asked[i].reference).text);
    for (size_t i = 0; i < 3; i++)
        try_head(&trial, target_of(inspection, kinds[i], slice_of(digest)).text);
    trial_end(&trial, NULL);
}

void examine_methods(struct inspection *inspection)
{
    examine_writing(inspection);
    examine_head(inspection);
}
