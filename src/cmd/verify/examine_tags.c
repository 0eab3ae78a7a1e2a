/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a repository's tags, and how it goes on (distribution-spec, "Listing Tags"). */
#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/verify/examine.h"
#include "cmd/verify/fetch.h"
#include "registry/headers.h"

/* The tags in an answer; NULL if it is no list of tags. To be given up. */
static json_t *tags_in(const struct journey *journey)
{
    struct slice body = journey->answer.body;
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    json_t *tags = json_incref(json_object_get(json, "tags"));

    json_decref(json);
    if (json_is_array(tags))
        return tags;
    json_decref(tags);
    return NULL;
}

static bool lists(const json_t *tags, struct slice tag)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *name = json_array_get(tags, i);
        struct slice told = {json_string_value(name), json_string_length(name)};
        if (slice_equal(told, tag))
            return true;
    }
    return false;
}

/* Whether an answer has come that is a list of tags; else there is a fault. */
static bool is_list(struct trial *trial, const struct journey *journey, json_t **tags)
{
    *tags = NULL;
    if (!fetch_arrives(trial, journey, 200))
        return false;
    *tags = tags_in(journey);
    if (!*tags)
        trial_fault(trial, journey, "what came is no list of tags");
    return *tags;
}

/* The whole list, or its first page if it tells that there are more. */
static void examine_list(struct inspection *inspection, struct slice tag)
{
    struct trial trial = trial_begin(inspection, CHECK_TAGS);
    struct target_text target = target_of(inspection, "tags", SLICE("list"));
    struct journey journey;
    json_t *tags;

    trial_try(&trial);
    journey_make(&journey, &inspection->traveller, &(struct errand){.target = target.text});
    if (is_list(&trial, &journey, &tags) && tag.len && !journey.answer.link[0] && !lists(tags, tag))
        trial_fault(&trial, &journey, "the list of %zu tags has no %.*s", json_array_size(tags),
                    (int)tag.len, tag.at);
    json_decref(tags);
    journey_end(&journey);
    trial_end(&trial, NULL);
}

/* ---- pages ---- */

/* That a further page is a list of tags, for these clients. */
static void try_page(struct trial *trial, const char *url, const char *clients)
{
    struct journey journey;

    journey_make(&journey, &trial->inspection->traveller, &(struct errand){.target = url});
    json_t *tags = journey_status(&journey) == 200 ? tags_in(&journey) : NULL;
    if (!tags)
        trial_fault(trial, &journey, "%s ask there for the next page, and get none", clients);
    json_decref(tags);
    journey_end(&journey);
}

/* What stands behind the authority in a URL; "/" if there is nothing. */
static const char *path_of(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;

    return path ? path : "/";
}

/* Each kind of client goes on in its own way. */
static void try_pages(struct trial *trial, const struct journey *first, const char *next)
{
    const struct door *door = trial->inspection->traveller.door;

    if (!http_same_host(next, door->url))
        trial_fault(trial, first, "its Link leads to another host: crane 0.21.7 and later stop");
    try_page(trial, next, "oras and regctl");
    if (!http_same_host(next, door->url))
        try_page(trial, path_of(next), "skopeo, podman and Docker");
}

static void examine_pages(struct inspection *inspection)
{
    struct trial trial = trial_begin(inspection, CHECK_TAGS_PAGES);
    struct target_text target = target_of(inspection, "tags", SLICE("list?n=1"));
    struct journey journey;

    journey_make(&journey, &inspection->traveller, &(struct errand){.target = target.text});
    struct slice link = link_next(slice_of(journey.answer.link));
    char *next = journey_status(&journey) == 200 && link.len
                     ? http_resolve(journey_url(&journey), link)
                     : NULL;
    if (journey_status(&journey) == 200)
        trial_try(&trial);
    if (next)
        try_pages(&trial, &journey, next);
    else if (link.len && journey_status(&journey) == 200)
        trial_fault(&trial, &journey, "its Link leads to no URL: %.*s", (int)link.len, link.at);
    free(next);
    journey_end(&journey);
    trial_end(&trial, "there is no list");
}

void examine_tags(struct inspection *inspection, const struct image *image)
{
    bool by_digest = memchr(image->reference.at, ':', image->reference.len);

    examine_list(inspection, by_digest ? (struct slice){NULL, 0} : image->reference);
    examine_pages(inspection);
}
