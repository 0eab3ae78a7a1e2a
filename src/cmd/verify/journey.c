/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/journey.h"

#include <stdio.h>
#include <stdlib.h>
#include "cmd/progress.h"
#include "registry/headers.h"

enum {
    HEADER_LINE_MAX = 1024,
    TRIES_MAX = 5,  /* of a request that is put off */
    WAIT_MAX = 60,  /* seconds that are waited for one */
    WAIT_UNTOLD = 2 /* where Retry-After does not say */
};

bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* ---- one hop ---- */

/* "HOST:PORT:ADDRESS:PORT" as libcurl wants it; any host and port of the front door's. */
static const char *connect_to(const struct view *view, char *line, size_t size)
{
    const char *colon = view->address ? strrchr(view->address, ':') : NULL;
    bool has_port = colon && (view->address[0] != '[' || colon[-1] == ']');

    if (!view->address)
        return NULL;
    snprintf(line, size, "::%s%s", view->address, has_port ? "" : ":");
    return line;
}

/* Asks again, a few times, where a server asks to be given time (RFC 6585, 4). */
static bool ask_patiently(struct traveller *traveller, const struct http_request *request,
                          struct http_response *answer, struct why *why)
{
    for (unsigned tries = 1;; tries++) {
        if (!http_ask(traveller->http, request, answer, why))
            return false;
        long told = answer->retry_after == HTTP_RETRY_UNKNOWN ? WAIT_UNTOLD : answer->retry_after;
        if (answer->status != 429 || tries == TRIES_MAX || told > WAIT_MAX || interrupt_came())
            return true;
        interrupt_wait((double)told);
    }
}

/* What the front door is told, and nobody else: the client's place, and its own address. */
static bool ask_hop(struct traveller *traveller, const struct errand *errand, const char *url,
                    struct http_response *answer, struct why *why)
{
    const struct view *view = traveller->view;
    bool door = http_same_host(url, traveller->door->url);
    bool placed = door && view->place && traveller->door->header;
    char place[HEADER_LINE_MAX], address[HEADER_LINE_MAX];
    const char *headers[] = {place, NULL};

    if (placed)
        snprintf(place, sizeof place, "%s: %s", traveller->door->header, view->place);
    struct http_request request = {
        .url = url,
        .method = errand->method,
        .accept = errand->accept,
        .range = errand->range,
        .headers = placed ? headers : NULL,
        .connect_to = door ? connect_to(view, address, sizeof address) : NULL,
        .ca_file = traveller->door->ca_file,
        .sink = errand->sink,
        .stopped = interrupt_came,
    };
    return ask_patiently(traveller, &request, answer, why);
}

/* ---- the way ---- */

static bool loses(struct journey *journey, const char *clause)
{
    return why_not(&journey->why, "%s", clause);
}

/* Notes the answer of a hop. */
static void note(struct journey *journey, const struct errand *errand, char *url)
{
    journey->hop[journey->count++] = (struct hop){
        .method = errand->method ? errand->method : "GET",
        .url = url,
        .status = journey->answer.status,
        .location = strdup(journey->answer.location),
    };
}

static bool was_there(const struct journey *journey, const char *url)
{
    for (size_t i = 0; i < journey->count; i++)
        if (strcmp(journey->hop[i].url, url) == 0)
            return true;
    return false;
}

/* Where the last answer leads, to be freed; NULL with the reason if nobody should go there. */
static char *next_url(struct journey *journey)
{
    const struct hop *last = &journey->hop[journey->count - 1];
    struct slice location = slice_of(last->location);
    char *next = location.len ? http_resolve(last->url, location) : NULL;

    if (!next)
        loses(journey, location.len ? "its Location is no URL" : "it redirects without a Location");
    else if (was_there(journey, next))
        loses(journey, "it redirects in a loop");
    else if (http_is_https(last->url) && !http_is_https(next))
        loses(journey, "it redirects from https to http");
    else if (journey->count == HOPS_MAX)
        loses(journey, "it redirects more than ten times");
    else
        return next;
    free(next);
    return NULL;
}

static char *first_url(const struct traveller *traveller, const char *target)
{
    char *url;

    if (target[0] != '/')
        return strdup(target);
    return asprintf(&url, "%s%s", traveller->door->url, target) < 0 ? NULL : url;
}

void journey_make(struct journey *journey, struct traveller *traveller, const struct errand *errand)
{
    char *url = first_url(traveller, errand->target);

    *journey = (struct journey){0};
    while (url) {
        bool answered = ask_hop(traveller, errand, url, &journey->answer, &journey->why);
        note(journey, errand, url);
        if (!answered)
            return;
        if (errand->stays || !is_redirect(journey->answer.status)) {
            journey->arrived = true;
            return;
        }
        url = next_url(journey);
    }
}

void journey_end(struct journey *journey)
{
    for (size_t i = 0; i < journey->count; i++) {
        free(journey->hop[i].url);
        free(journey->hop[i].location);
    }
    journey->count = 0;
}

const char *journey_url(const struct journey *journey)
{
    return journey->count ? journey->hop[journey->count - 1].url : "";
}

long journey_status(const struct journey *journey)
{
    return journey->arrived ? journey->answer.status : 0;
}

bool journey_is_redirected(const struct journey *journey)
{
    return journey->count && is_redirect(journey->hop[0].status);
}
