/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/replay/compare.h"

#include <stdio.h>
#include <string.h>
#include "route/respond.h"
#include "route/route.h"

static void set_value(struct request_values *values, struct slice value)
{
    /* "-" is what web servers log for a header that was not there. */
    if (value.len > 0 && !slice_equal(value, SLICE("-")) && values->count < REQUEST_VALUES_MAX)
        values->value[values->count++] = value;
}

/* The headers that this configuration looks at, as far as the log has them. */
static void set_headers(struct request *request, const struct comparison *comparison,
                        const struct request_format *format, const struct log_line *line)
{
    request->region.count = request->forwarded.count = 0;
    request->server_region = line->region;
    for (size_t i = 0; i < comparison->header_count; i++) {
        const struct quoted_header *header = &comparison->header[i];
        struct slice name = slice_of(header->variable);
        if (header->number > line->quoted_count)
            continue;
        struct slice value = line->quoted[header->number - 1];
        if (slice_equal(name, SLICE("SIGNPOST_REGION")))
            request->server_region = slice_equal(value, SLICE("-")) ? SLICE("") : value;
        if (slice_equal(name, format->region_variable))
            set_value(&request->region, value);
        if (slice_equal(name, format->forwarded_variable))
            set_value(&request->forwarded, value);
    }
}

static enum request_method method_of(struct slice word)
{
    if (slice_equal(word, SLICE("GET")))
        return METHOD_GET;
    return slice_equal(word, SLICE("HEAD")) ? METHOD_HEAD : METHOD_OTHER;
}

static struct routed decide_for(const struct side *side, const struct request *request)
{
    struct routed r;
    struct decision *decision = &r.decision;

    route(side->config, &side->knowledge, request, NULL, NULL, &r);
    if (decision->ask_count == 0)
        return r;
    struct findings findings = {.count = decision->ask_count};
    for (size_t i = 0; i < findings.count; i++) {
        findings.target[i] = decision->ask[i];
        findings.holding[i] = HOLDING_PRESENT;
    }
    decide(&(struct question){.config = side->config,
                              .knowledge = &side->knowledge,
                              .request = request,
                              .classified = &r.classified,
                              .client = &r.client,
                              .findings = &findings},
           decision);
    return r;
}

static tally_outcome outcome_of(const struct side *side, const struct decision *decision)
{
    if (decision->outcome == OUTCOME_REDIRECT)
        return (tally_outcome)(decision->target - side->config->targets);
    if (decision->outcome == OUTCOME_PAGE)
        return (tally_outcome)(OUTCOME_PAGES | (decision->page - side->config->pages));
    return (tally_outcome)(OUTCOME_STATUSES | decision_status(decision));
}

/* Whether clients would notice. A target's id is made of its URL and prefix. */
static bool differ(const struct decision *a, const struct decision *b, struct slice query)
{
    if (a->outcome != b->outcome)
        return true;
    if (a->outcome == OUTCOME_PAGE)
        return !slice_equal(a->page->url, b->page->url);
    if (a->outcome != OUTCOME_REDIRECT)
        return decision_status(a) != decision_status(b);
    return a->target->id != b->target->id || (query.len > 0 && a->rule->query != b->rule->query);
}

static place_index place_index_of(const struct place *place)
{
    if (place->region != NO_PLACE)
        return place->region;
    return place->country != NO_PLACE ? place->country : place->continent;
}

struct tally_key compare(const struct comparison *comparison, const struct log_line *line)
{
    const struct side *present = &comparison->present, *next = &comparison->next;
    struct request request;

    memset(&request, 0, offsetof(struct request, decoded));
    request.method = method_of(line->method);
    request.remote_addr = line->address;
    request_set_target(&request, line->target);
    set_headers(&request, comparison, &present->config->request, line);
    struct routed before = decide_for(present, &request);
    set_headers(&request, comparison, &next->config->request, line);
    struct routed after = decide_for(next, &request);
    place_index place = place_index_of(&before.client.place);
    bool is_new = place == NO_PLACE;
    return (struct tally_key){
        .class = before.classified.class,
        .place = is_new ? place_index_of(&after.client.place) : place,
        .place_is_new = is_new,
        .changed = differ(&before.decision, &after.decision, request.query),
        .before = outcome_of(present, &before.decision),
        .after = outcome_of(next, &after.decision),
    };
}

const char *compare_words(const struct config *config, tally_outcome outcome, char text[32])
{
    if (outcome & OUTCOME_STATUSES) {
        snprintf(text, 32, "answered %d", outcome & ~OUTCOME_STATUSES);
        return text;
    }
    if (outcome & OUTCOME_PAGES)
        return "a page";
    return config->targets[outcome].name;
}
