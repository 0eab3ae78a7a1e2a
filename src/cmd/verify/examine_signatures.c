/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, attestations and SBOMs under cosign's tags: that the tags go to the
 * canonical registry, and that what they lead to is found by digest as well.
 */
#include "config.h"
#include <stdio.h>
#include "cmd/progress.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "cmd/verify/found.h"
#include "cmd/verify/oci_error.h"
#include "parse/oci.h"

static const struct {
    enum check check;
    const char *suffix;
} kinds[] = {{CHECK_SIG, "sig"}, {CHECK_ATT, "att"}, {CHECK_SBOM, "sbom"}};

/* cosign's tag for what belongs to a manifest. */
static struct target_text tag_target(const struct inspection *inspection, struct slice digest,
                                     const char *suffix)
{
    struct slice algorithm = oci_digest_algorithm(digest), encoded = oci_digest_encoded(digest);
    char tag[TARGET_MAX];
    int len = snprintf(tag, sizeof tag, "%.*s-%.*s.%s", (int)algorithm.len, algorithm.at,
                       (int)encoded.len, encoded.at, suffix);

    return target_of(inspection, "manifests", (struct slice){tag, (size_t)len});
}

static void examine_kind(struct inspection *inspection, const struct digest_set *subjects,
                         enum check check, const char *suffix, struct found *found)
{
    struct trial trial = trial_begin(inspection, check);

    for (size_t i = 0; i < subjects->count && !interrupt_came(); i++) {
        struct target_text target = tag_target(inspection, slice_of(subjects->list[i]), suffix);
        found_look(found, &trial, target.text);
    }
    trial_end(&trial, found_unknown);
}

/* A signature that is certainly not there: pulls of unsigned images ask for one. */
static void examine_unsigned(struct inspection *inspection)
{
    struct trial trial = trial_begin(inspection, CHECK_UNSIGNED);
    char nobodys[DIGEST_SHA256_TEXT];
    struct journey journey;

    digest_of(SLICE("nothing has the digest of this sentence"), nobodys);
    struct target_text target = tag_target(inspection, slice_of(nobodys), "sig");
    trial_try(&trial);
    journey_make(&journey, &inspection->traveller,
                 &(struct errand){.target = target.text, .accept = accept_manifest});
    if (fetch_arrives(&trial, &journey, 404))
        oci_error_judge(&trial, &journey);
    journey_end(&journey);
    trial_end(&trial, NULL);
}

void examine_signatures(struct inspection *inspection, const struct image *image)
{
    struct found found = {0};

    examine_unsigned(inspection);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        examine_kind(inspection, &image->subjects, kinds[i].check, kinds[i].suffix, &found);
    found_examine(&found, inspection, CHECK_SIGNATURE_DIGEST, CHECK_SIGNATURE_CONTENT,
                  "nothing is signed, attested or described under cosign's tags");
    found_clear(&found);
}
