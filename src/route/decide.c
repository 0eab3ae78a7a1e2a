/* SPDX-License-Identifier: Apache-2.0 */
#include "route/decide.h"

#include <stddef.h>
#include "route/search.h"

/*
 * Codes matter to clients: a 404 below manifests/ must say MANIFEST_UNKNOWN (with
 * NAME_UNKNOWN containers/image fails a pull for want of a signature), and none
 * may say NAME_UNKNOWN for referrers (oras takes it for an error).
 */
static const struct oci_error
    method_not_allowed = {405, "Method Not Allowed", "UNSUPPORTED",
                          "Only GET and HEAD are served here."},
    query_too_long = {414, "URI Too Long", "UNSUPPORTED", "The query is too long."},
    not_found = {404, "Not Found", "UNSUPPORTED", "Nothing is served under this path."},
    no_catalog = {404, "Not Found", "UNSUPPORTED", "The catalog is not served."},
    no_uploads = {404, "Not Found", "BLOB_UPLOAD_UNKNOWN", "Nothing can be uploaded here."},
    manifest_unknown = {404, "Not Found", "MANIFEST_UNKNOWN",
                        "This is no name and reference of a manifest."},
    blob_unknown = {404, "Not Found", "BLOB_UNKNOWN", "This is no name and digest of a blob."},
    name_invalid = {404, "Not Found", "NAME_INVALID", "This is no name of a repository."},
    digest_invalid = {400, "Bad Request", "DIGEST_INVALID", "This is no digest."};

const struct oci_error error_unavailable = {503, "Service Unavailable", "UNSUPPORTED",
                                            "The registry is not configured."};

const struct oci_error error_header_too_long = {431, "Request Header Fields Too Large",
                                                "UNSUPPORTED", "The request's header is too long."};

const struct oci_error error_too_late = {408, "Request Timeout", "UNSUPPORTED",
                                         "The request's header did not come in time."};

const struct oci_error error_incomplete = {400, "Bad Request", "UNSUPPORTED",
                                           "The request's header ended too early."};

static void refuse(struct decision *decision, const struct oci_error *error)
{
    decision->outcome = OUTCOME_ERROR;
    decision->error = error;
}

static const struct oci_error *error_for(const struct classified *c)
{
    if (c->class == CLASS_CATALOG)
        return &no_catalog;
    if (c->class == CLASS_UPLOAD)
        return &no_uploads;
    if (c->malformed_digest)
        return &digest_invalid;
    switch (c->endpoint) {
    case ENDPOINT_MANIFESTS:
        return &manifest_unknown;
    case ENDPOINT_BLOBS:
        return &blob_unknown;
    case ENDPOINT_REFERRERS:
        return &name_invalid;
    case ENDPOINT_TAGS:
        return c->name.len > 0 ? &not_found : &name_invalid; /* tags/other, or a bad name */
    case ENDPOINT_NONE:
        break;
    }
    return &not_found;
}

static const struct page *find_page(const struct config *config, struct slice path)
{
    for (size_t i = 0; i < config->page_count; i++)
        if (slice_equal(config->pages[i].path, path))
            return &config->pages[i];
    return NULL;
}

static enum holding note_word(struct decision *decision, enum word_of word_of, enum holding holding)
{
    if (holding != HOLDING_UNKNOWN && word_of > decision->word_of)
        decision->word_of = word_of;
    return holding;
}

static enum holding find_holding(struct search *search, const struct target *target)
{
    const struct question *q = search->question;
    const struct classified *c = q->classified;
    struct object object = {c->endpoint, c->name, c->reference};

    for (size_t i = 0; q->findings && i < q->findings->count; i++)
        if (q->findings->target[i] == target)
            return note_word(search->decision, WORD_OF_PROBER, q->findings->holding[i]);
    if (!q->knowledge)
        return HOLDING_UNKNOWN;
    return note_word(search->decision, WORD_OF_CACHE,
                     knowledge_holding(q->knowledge, target, &object, &search->hash));
}

/* What cannot be answered wrongly by any registry, only not at all; not referrers. */
static bool is_content(const struct classified *c)
{
    return c->is_digest && (c->endpoint == ENDPOINT_MANIFESTS || c->endpoint == ENDPOINT_BLOBS);
}

static bool can_be_asked(const struct question *q, const struct target *target)
{
    const struct classified *c = q->classified;
    struct object object = {c->endpoint, c->name, c->reference};

    return holding_can_be_asked(target, &object);
}

static enum verdict judge_holding(struct search *search, const struct step *step,
                                  const struct target *target)
{
    if (!step->if_held || !is_content(search->question->classified))
        return VERDICT_TAKEN;
    switch (find_holding(search, target)) {
    case HOLDING_PRESENT:
        return VERDICT_TAKEN;
    case HOLDING_ABSENT:
        return VERDICT_ABSENT;
    case HOLDING_UNKNOWN:
        break;
    }
    return VERDICT_NOT_KNOWN;
}

static enum verdict judge(struct search *search, const struct step *step,
                          const struct target *target, bool last)
{
    const struct question *q = search->question;

    if (!target)
        return VERDICT_NONE;
    if (target->kind == TARGET_BUCKET && q->classified->class != CLASS_BLOB)
        return VERDICT_NO_BLOB;
    if (!search_speaks_to(q->client, target))
        return VERDICT_IPV4_ONLY;
    if (last || step->kind == STEP_NEAREST)
        return judge_holding(search, step, target);
    enum admission admission = search_admission(search, step->kind, target);
    search_note_draw(search, target, admission != ADMISSION_NOT_IN_SHARE);
    if (admission == ADMISSION_NOT_IN_SHARE)
        return VERDICT_NOT_IN_SHARE;
    if (admission == ADMISSION_TAKEN)
        return judge_holding(search, step, target);
    search_note_down(search, target);
    return VERDICT_DOWN;
}

/* The first that matches; a configuration's rules match every request. */
static const struct rule *find_rule(const struct question *q)
{
    const struct rule *rule = q->config->rules, *last = rule + q->config->rule_count - 1;

    while (rule < last && !rule_matches(rule, q->classified->class, q->client))
        rule++;
    return rule;
}

static void take(struct decision *decision, const struct step *step, const struct target *target)
{
    decision->step = step;
    decision->target = target;
}

static bool takes(const struct search *search, enum step_kind kind, const struct target *target)
{
    return search_admission(search, kind, target) == ADMISSION_TAKEN;
}

static bool is_absent(struct search *search, const struct target *target)
{
    return is_content(search->question->classified) &&
           find_holding(search, target) == HOLDING_ABSENT;
}

/* A registry that is up, for content whose target is not: pulls depend on none alone. */
static const struct target *find_stand_in(struct search *search, const struct decision *decision)
{
    for (size_t i = 0; i < decision->ask_count; i++)
        if (decision->ask[i]->kind == TARGET_UPSTREAM &&
            takes(search, STEP_NEAREST, decision->ask[i]))
            return decision->ask[i];
    const struct target *nearest = search_nearest(search);
    bool is_good = nearest && takes(search, STEP_NEAREST, nearest) && !is_absent(search, nearest);
    return is_good ? nearest : NULL;
}

/* Why it is not known who holds the object. */
static enum unsure why_unsure(const struct question *q)
{
    const struct findings *findings = q->findings;

    if (!findings)
        return UNSURE_NOT_ASKED;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->in_trouble[i] && findings->target[i]->kind == TARGET_UPSTREAM)
            return UNSURE_IN_TROUBLE;
    return findings->count ? UNSURE_NOT_KNOWN : UNSURE_NO_ANSWER;
}

/*
 * Nobody is known to hold the object, and not everybody is known not to. Where the target for
 * that is known not to, the rule's last one is better.
 */
static void choose_unsure(struct search *search, struct decision *decision)
{
    const struct question *q = search->question;
    const struct rule *rule = decision->rule;
    const struct step *step = decision->unsure == UNSURE_IN_TROUBLE
                                  ? rule_trouble_step(rule)
                                  : rule_unsure_step(rule, q->classified->class);
    const struct target *target = search_target(search, step);

    if (target && is_absent(search, target)) {
        step = &rule->step[rule->step_count - 1];
        target = search_target(search, step);
    }

    if (target && is_content(q->classified) && !takes(search, step->kind, target)) {
        const struct target *stand_in = find_stand_in(search, decision);
        if (stand_in) {
            search_note_down(search, target);
            search_tell(search, step, target, VERDICT_DOWN);
            step = &rule_nearest;
            target = stand_in;
        }
    }
    if (!target)
        target = q->config->fallback; /* every target is out of this client's reach */
    search_tell(search, step, target, VERDICT_TAKEN);
    take(decision, step, target);
}

/*
 * Whether the rule ends at this target in any case, so that nothing is gained by
 * asking it: for clients near the canonical upstream, `nearest?` is that one.
 */
static bool is_last_resort(struct search *search, const struct rule *rule,
                           const struct target *target)
{
    const struct step *last = &rule->step[rule->step_count - 1];

    return !last->if_held && search_target(search, last) == target;
}

/* A target that was passed over since it is out of service: it is taken if all are. */
struct passed {
    const struct step *step;
    const struct target *target; /* NULL: none */
    bool drained;
};

static bool is_out(const struct search *search, const struct target *target, bool *drained)
{
    struct part part = knowledge_part(search->question->knowledge, target);

    *drained = part.drained;
    return part.drained || part.health <= 0;
}

/* The first, but a target that is down goes before a drained one. */
static void note_passed(struct search *search, struct passed *passed, const struct step *step,
                        const struct target *target)
{
    bool drained;

    if (!is_out(search, target, &drained) || (passed->target && drained >= passed->drained))
        return;
    if (judge_holding(search, step, target) == VERDICT_TAKEN)
        *passed = (struct passed){step, target, drained};
}

/* Whether the rule's last target is out of service, too, and no better than the one passed over. */
static bool is_better(const struct search *search, const struct passed *passed,
                      const struct target *last)
{
    bool drained;

    return passed->target && is_out(search, last, &drained) && passed->drained <= drained;
}

/* Content by digest goes elsewhere while every canonical registry is out of service. */
static const struct target *replace_canonical(struct search *search, const struct step **step,
                                              const struct target *target)
{
    bool drained;

    if ((*step)->kind != STEP_CANONICAL || !is_content(search->question->classified) ||
        !is_out(search, target, &drained))
        return target;
    const struct target *stand_in = find_stand_in(search, search->decision);
    if (!stand_in)
        return target;
    search_note_down(search, target);
    search_tell(search, *step, target, VERDICT_DOWN);
    *step = &rule_nearest;
    return stand_in;
}

static void choose(const struct question *q, struct decision *decision)
{
    const struct rule *rule = find_rule(q);
    struct passed passed = {.target = NULL};
    struct search search = {
        .question = q, .guest = {q->client, q->classified->name}, .decision = decision};

    decision->outcome = OUTCOME_REDIRECT;
    decision->rule = rule;
    for (size_t i = 0; i < rule->step_count; i++) {
        const struct step *step = &rule->step[i];
        const struct target *target = search_target(&search, step);
        enum verdict verdict = judge(&search, step, target, i + 1 == rule->step_count);
        bool certain = !step->if_held;
        if (verdict == VERDICT_NOT_KNOWN && is_last_resort(&search, rule, target)) {
            verdict = VERDICT_TAKEN;
            certain = true;
        }
        if (verdict == VERDICT_TAKEN && certain && decision->unsure)
            break;
        if (verdict == VERDICT_TAKEN)
            target = replace_canonical(&search, &step, target);
        search_tell(&search, step, target, verdict);
        if (verdict == VERDICT_TAKEN) {
            decision->ask_count = 0;
            decision->unsure = UNSURE_NOT;
            if (is_better(&search, &passed, target))
                take(decision, passed.step, passed.target);
            else
                take(decision, step, target);
            return;
        }
        if (verdict == VERDICT_DOWN)
            note_passed(&search, &passed, step, target);
        if (verdict == VERDICT_NOT_KNOWN)
            decision->unsure = why_unsure(q);
        if (verdict == VERDICT_NOT_KNOWN && can_be_asked(q, target))
            decision->ask[decision->ask_count++] = target;
    }
    choose_unsure(&search, decision);
}

void decide(const struct question *q, struct decision *decision)
{
    const struct page *page;

    memset(decision, 0, offsetof(struct decision, ask)); /* the lists have their counts */
    if (q->request->method == METHOD_OTHER) {
        refuse(decision, &method_not_allowed);
    } else if (q->request->fault == TARGET_QUERY_TOO_LONG) {
        refuse(decision, &query_too_long);
    } else if (q->request->fault == TARGET_MALFORMED) {
        refuse(decision, &not_found);
    } else if (q->classified->class < CLASS_ROUTED) {
        choose(q, decision);
    } else if (q->classified->class == CLASS_PING) {
        decision->outcome = OUTCOME_PING;
    } else if ((page = find_page(q->config, q->request->path))) {
        decision->outcome = OUTCOME_PAGE;
        decision->page = page;
    } else {
        refuse(decision, error_for(q->classified));
    }
}

int decision_status(const struct decision *decision)
{
    switch (decision->outcome) {
    case OUTCOME_REDIRECT:
    case OUTCOME_PAGE:
        return 307;
    case OUTCOME_PING:
        return 200;
    case OUTCOME_ERROR:
        break;
    }
    return decision->error->status;
}
