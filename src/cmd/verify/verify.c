/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/verify/canonical.h"
#include "cmd/verify/crew.h"
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "cmd/verify/report.h"
#include "cmd/verify/resume.h"
#include "parse/reference.h"

/* A repository that nobody has, for checks of the front door without an image. */
static const struct slice nobodys = SLICE("signpost-verify/nothing");

struct run {
    const struct verify_call *call;
    struct door door;
    char *base; /* of the canonical registry; the door's */
    struct view *views;
    size_t view_count;
    struct resume resume;
    struct verify_report report;
    struct progress progress;
};

/* ---- inspections: from each place the front door itself, then each image ---- */

static size_t inspections_of(const struct run *run)
{
    return run->view_count * (1 + run->call->image_count);
}

static const struct view *view_of(const struct run *run, size_t number)
{
    return &run->views[number / (1 + run->call->image_count)];
}

/* The image as it was named, or NULL for the front door itself. */
static const char *image_of(const struct run *run, size_t number)
{
    size_t index = number % (1 + run->call->image_count);

    return index ? run->call->images[index - 1] : NULL;
}

/* What an inspection is called in the state file, to be freed. */
static char *key_of(const struct run *run, size_t number)
{
    const struct view *view = view_of(run, number);
    const char *image = image_of(run, number);
    char *key;

    if (asprintf(&key, "%s %s %s", view->address ? view->address : "-",
                 view->place ? view->place : "-", image ? image : "-") < 0)
        return NULL;
    return key;
}

static void examine_door(struct inspection *inspection)
{
    examine_ping(inspection);
    examine_methods(inspection);
    examine_input(inspection);
}

static void examine_image(struct inspection *inspection, struct slice reference)
{
    struct image image = {.reference = reference};

    examine_manifests(inspection, &image);
    examine_blobs(inspection, &image);
    examine_tags(inspection, &image);
    examine_signatures(inspection, &image);
    examine_referrers(inspection, &image);
    image_clear(&image);
}

/* The name of an image, or, without one, of the first, or of none. They have been checked. */
static struct image_reference reference_of(const struct run *run, const char *image)
{
    struct image_reference reference = {.name = nobodys};

    if (!image && run->call->image_count)
        image = run->call->images[0];
    if (image)
        image_reference_parse(&reference, image, NULL);
    return reference;
}

static struct inspection start(const struct run *run, const struct view *view, const char *image)
{
    return (struct inspection){.traveller = {.http = http_new(), .door = &run->door, .view = view},
                               .subject = image ? image : "the front door",
                               .name = reference_of(run, image).name,
                               .findings = json_array()};
}

/* Makes an inspection: its findings, or NULL if it was interrupted. */
static json_t *make_inspection(const struct run *run, size_t number)
{
    const char *image = image_of(run, number);
    struct inspection inspection = start(run, view_of(run, number), image);
    bool begun = inspection.traveller.http;

    if (begun && image)
        examine_image(&inspection, reference_of(run, image).reference);
    else if (begun)
        examine_door(&inspection);
    http_free(inspection.traveller.http);
    if (begun && !interrupt_came())
        return inspection.findings;
    json_decref(inspection.findings); /* faults may be of the interruption */
    return NULL;
}

static json_t *inspect(void *context, size_t number)
{
    const struct run *run = context;
    char *key = key_of(run, number);
    json_t *done = key ? resume_find(&run->resume, key) : NULL;

    free(key);
    return done ? json_incref(done) : make_inspection(run, number);
}

static void take(void *context, size_t number, json_t *findings)
{
    struct run *run = context;
    char *key = key_of(run, number);

    if (key && !resume_find(&run->resume, key))
        resume_note(&run->resume, key, findings);
    free(key);
    progress_wipe(&run->progress);
    verify_report_add(&run->report, findings);
    json_decref(findings);
}

static void show(void *context, size_t done)
{
    struct run *run = context;

    if (!run->call->json)
        progress_show(&run->progress, "%zu of %zu done, %zu checks failed", done,
                      inspections_of(run), run->report.failed);
}

/* ---- before and after ---- */

/*
 * Asks for the tag of a signature that is not there: where that leads is where
 * signatures are written. False, with the reason, if nobody answers.
 */
static bool learn_canonical(struct run *run, struct why *why)
{
    static const struct slice tag =
        SLICE("sha256-0000000000000000000000000000000000000000000000000000000000000000.sig");
    struct inspection inspection = start(run, &run->views[0], NULL);
    struct target_text target = target_of(&inspection, "manifests", tag);
    struct journey journey;

    if (!inspection.traveller.http)
        return why_not(why, "libcurl cannot be started.");
    journey_make(&journey, &inspection.traveller, &(struct errand){.target = target.text});
    bool answered = journey.count && journey.hop[0].status;
    if (!answered)
        why_not(why, "%.160s does not answer: %.120s.", run->door.url, journey.why.text);
    run->door.answers = !journey_is_redirected(&journey);
    errno = 0;
    run->base = run->call->canonical ? canonical_base(run->call->canonical)
                                     : canonical_learn(&journey, &run->door, target_asked(&target));
    if (!run->base && errno == ENOMEM)
        answered = why_not(why, "There is not enough memory.");
    run->door.canonical = run->base;
    journey_end(&journey);
    http_free(inspection.traveller.http);
    json_decref(inspection.findings);
    return answered;
}

/* Every address with every place. */
static bool make_views(struct run *run)
{
    const struct verify_call *call = run->call;
    size_t addresses = call->address_count ? call->address_count : 1;
    size_t places = call->place_count ? call->place_count : 1;

    run->view_count = addresses * places;
    run->views = calloc(run->view_count, sizeof *run->views);
    for (size_t i = 0; run->views && i < run->view_count; i++)
        run->views[i] = (struct view){
            .address = call->address_count ? call->addresses[i / places] : NULL,
            .place = call->place_count ? call->places[i % places] : NULL,
        };
    return run->views;
}

/* What the state file is of: another call must not go on from it. */
static json_t *describe(const struct run *run)
{
    return json_pack("{s:i, s:s, s:s?, s:s?, s:b}", "signpost verify", 1, "url", run->door.url,
                     "canonical", run->door.canonical, "header", run->door.header, "whole",
                     run->door.whole);
}

static bool prepare(struct run *run, struct why *why)
{
    const struct verify_call *call = run->call;

    progress_start(&run->progress);
    run->door = (struct door){
        .url = call->url, .header = call->header, .ca_file = call->ca_file, .whole = call->whole};
    return make_views(run) || why_not(why, "There is not enough memory.");
}

static bool open_state(struct run *run, struct why *why)
{
    json_t *call = describe(run);
    bool good = resume_open(&run->resume, run->call->state, call, why);

    json_decref(call);
    return good;
}

/* Why not all was checked. */
static void explain(const struct run *run, struct why *cause)
{
    const char *what = interrupt_came() ? "Interrupted" : "There is not enough memory";

    if (run->call->state)
        why_not(cause, "%s; the same call goes on from %.200s.", what, run->call->state);
    else
        why_not(cause, "%s; --state FILE lets the next call go on where it stopped.", what);
}

/* Makes all inspections; false, with the cause, if not all could be made. */
static bool inspect_all(struct run *run, struct why *cause)
{
    const struct verify_crew crew = {
        .count = inspections_of(run),
        .jobs = run->call->jobs,
        .inspect = inspect,
        .take = take,
        .progress = show,
        .context = run,
    };
    bool all = verify_crew_run(&crew);

    progress_wipe(&run->progress);
    if (!all)
        explain(run, cause);
    return all;
}

static int run_call(struct run *run)
{
    struct why why;
    bool prepared = prepare(run, &why);
    bool answers = prepared && learn_canonical(run, &why);

    if (!prepared || (answers && !open_state(run, &why))) {
        fprintf(stderr, "signpost verify: %s\n", why.text);
        return EXIT_FINDING;
    }
    verify_report_start(&run->report, run->call->json, &run->door);
    bool all = answers && inspect_all(run, &why);
    bool good = verify_report_end(&run->report, &run->door, all ? NULL : why.text);
    good = resume_close(&run->resume, all) && good;
    return good ? EXIT_FINE : EXIT_FINDING;
}

int verify(const struct verify_call *call)
{
    struct run run = {.call = call};

    interrupt_hold();
    int status = run_call(&run);
    free(run.views);
    free(run.base);
    return status;
}
