/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include "command.h"
#include "oci.h"
#include "progress.h"
#include "registry/digest.h"
#include "registry/reference.h"
#include "verify/canonical.h"
#include "verify/examine.h"
#include "verify/fetch.h"
#include "verify/report.h"

/* A repository that nobody has, for checks of the front door without an image. */
static const char nobodys[] = "signpost-verify/nothing";

static void run_one(struct inspection *inspection, struct slice reference)
{
    struct image image = {.reference = reference};

    examine_manifests(inspection, &image);
    examine_blobs(inspection, &image);
    examine_tags(inspection, &image);
    examine_signatures(inspection, &image);
    examine_referrers(inspection, &image);
    image_clear(&image);
}

int verify(const struct verify_call *call)
{
    struct door door = {
        .url = call->url, .header = call->header, .ca_file = call->ca_file, .whole = call->whole};
    struct view view = {0};
    struct verify_report report;
    struct http *http = http_new();
    char *base = call->canonical ? canonical_base(call->canonical) : NULL;

    door.canonical = base;
    interrupt_hold();
    verify_report_start(&report, call->json, &door);
    struct inspection door_inspection = {.traveller = {http, &door, &view, 0},
                                         .subject = "the front door",
                                         .name = slice_of(nobodys),
                                         .findings = json_array()};
    examine_ping(&door_inspection);
    verify_report_add(&report, door_inspection.findings);
    json_decref(door_inspection.findings);
    for (size_t i = 0; i < call->image_count; i++) {
        struct image_reference image;
        struct why why;
        if (!image_reference_parse(&image, call->images[i], &why))
            return EXIT_MISUSE;
        struct inspection inspection = {.traveller = {http, &door, &view, 0},
                                        .subject = call->images[i],
                                        .name = image.name,
                                        .findings = json_array()};
        run_one(&inspection, image.reference);
        verify_report_add(&report, inspection.findings);
        json_decref(inspection.findings);
    }
    http_free(http);
    bool good = verify_report_end(&report, &door, NULL);
    free(base);
    return good ? EXIT_FINE : EXIT_FINDING;
}
