/* SPDX-License-Identifier: Apache-2.0 */
#include "route/search.h"

#include "route/nearest.h"

void search_tell(const struct search *search, const struct step *step, const struct target *target,
                 enum verdict verdict)
{
    const struct decision_trace *trace = search->question->trace;

    if (trace)
        trace->saw(trace->ctx, step, target, verdict);
}

bool search_speaks_to(const struct client *client, const struct target *target)
{
    return !target->ipv4_only || address_unwrap(client->address).family != ADDRESS_IPV6;
}

static enum admission admission(const struct search *search, const struct target *target)
{
    return admission_at(target, knowledge_part(search->question->knowledge, target),
                        &search->guest);
}

/* The same, whatever its share. */
static enum admission health_admission(const struct search *search, const struct target *target)
{
    struct part part = knowledge_part(search->question->knowledge, target);

    part.share = 1;
    return admission_at(target, part, &search->guest);
}

enum admission search_admission(const struct search *search, enum step_kind kind,
                                const struct target *target)
{
    return kind == STEP_CANONICAL ? health_admission(search, target) : admission(search, target);
}

static bool is_reachable(void *context, const struct target *target)
{
    const struct search *search = context;
    return search_speaks_to(search->question->client, target);
}

static bool is_usable(void *context, const struct target *target)
{
    return is_reachable(context, target) && admission(context, target) == ADMISSION_TAKEN;
}

static bool is_usable_and_checked(void *context, const struct target *target)
{
    const struct search *search = context;
    return is_usable(context, target) && knowledge_is_checked(search->question->knowledge, target);
}

static bool is_not_drained(void *context, const struct target *target)
{
    const struct search *search = context;
    return is_reachable(context, target) &&
           !knowledge_part(search->question->knowledge, target).drained;
}

static bool is_in_service(void *context, const struct target *target)
{
    const struct search *search = context;
    struct part part = knowledge_part(search->question->knowledge, target);
    return is_reachable(context, target) && !part.drained && part.health > 0;
}

static bool is_up(void *context, const struct target *target)
{
    return is_reachable(context, target) && health_admission(context, target) == ADMISSION_TAKEN;
}

/* Whether the request is meant for the target, be it up or down. */
static bool is_meant(const struct search *search, const struct target *target)
{
    enum admission found = admission(search, target);

    return found != ADMISSION_NOT_IN_SHARE && found != ADMISSION_DRAINED;
}

/* The same for one that is to be found, and notes those in whose share the client is not. */
static bool is_meant_noting(void *context, const struct target *target)
{
    struct search *search = context;

    if (!is_reachable(search, target))
        return false;
    if (is_meant(search, target))
        return true;
    if (search->passed_count < DRAWS_MAX)
        search->passed[search->passed_count++] = target;
    return false;
}

/* ---- shares ---- */

bool search_note_draw(struct search *search, const struct target *target, bool is_in)
{
    struct decision *decision = search->decision;

    if (knowledge_part(search->question->knowledge, target).share >= 1)
        return false;
    for (size_t i = 0; i < decision->draw_count; i++)
        if (decision->draw[i].target == target)
            return false;
    if (decision->draw_count == DRAWS_MAX)
        return false;
    decision->draw[decision->draw_count++] = (struct draw){target, is_in};
    return true;
}

void search_note_down(struct search *search, const struct target *target)
{
    struct decision *decision = search->decision;

    for (size_t i = 0; i < decision->down_count; i++)
        if (decision->down[i] == target)
            return;
    if (decision->down_count < DRAWS_MAX)
        decision->down[decision->down_count++] = target;
}

static void note_passed(struct search *search, const struct target *target)
{
    if (admission(search, target) == ADMISSION_NOT_IN_SHARE &&
        search_note_draw(search, target, false))
        search_tell(search, search->step, target, VERDICT_NOT_IN_SHARE);
}

static const struct target *find(struct search *search, enum target_kind kind,
                                 nearest_filter *allowed)
{
    const struct question *q = search->question;

    return kind == TARGET_BUCKET ? nearest_bucket(q->config, q->client, allowed, search)
                                 : nearest_upstream(q->config, q->client, allowed, search);
}

/* The nearest target in whose share the client is, if it is not in that of the first. */
static const struct target *find_next_meant(struct search *search, enum target_kind kind)
{
    const struct question *q = search->question;

    search->passed_count = 0;
    const struct target *found = find(search, kind, is_meant_noting);
    for (size_t i = 0; found && i < search->passed_count; i++)
        if (nearest_precedes(q->config, q->client, search->passed[i], found))
            note_passed(search, search->passed[i]);
    return found;
}

/* The nearest target that the request is meant for, be it up or not; if for none, the nearest. */
static const struct target *find_meant(struct search *search, enum target_kind kind)
{
    const struct target *first = find(search, kind, is_reachable);
    const struct target *found = first;

    if (first && !is_meant(search, first))
        found = find_next_meant(search, kind);
    if (!found)
        return first;
    search_note_draw(search, found, true);
    return found;
}

/* ---- what the words of a rule mean ---- */

/* A client's point at a stand-in is another one for each target that it stands in for. */
static bool takes_instead(const struct search *search, const struct target *stand_in,
                          const struct target *meant)
{
    double part = knowledge_extra_part(search->question->knowledge, stand_in);

    return admission_instead(stand_in, meant, part, &search->guest);
}

/* Who is known to be up goes before who has not been checked. */
static const struct target *find_stand_in(struct search *search)
{
    const struct target *stand_in = find(search, TARGET_UPSTREAM, is_usable_and_checked);

    return stand_in ? stand_in : find(search, TARGET_UPSTREAM, is_usable);
}

/* A stand-in takes only as much extra as it accepts; the rest stays where it was. */
const struct target *search_nearest(struct search *search)
{
    if (search->nearest)
        return search->nearest;
    const struct target *meant = find_meant(search, TARGET_UPSTREAM);
    search->nearest = meant;
    if (!meant || is_usable(search, meant))
        return meant;
    const struct target *stand_in = find_stand_in(search);
    if (!stand_in && admission(search, meant) == ADMISSION_DRAINED)
        stand_in = find(search, TARGET_UPSTREAM, is_not_drained); /* down, but not drained */
    search->decision->stand_in = stand_in;
    if (stand_in && takes_instead(search, stand_in, meant)) {
        search_note_down(search, meant);
        search->nearest = stand_in;
    }
    return search->nearest;
}

/* The first by `canonical_order`. */
static const struct target *first_canonical(struct search *search, nearest_filter *allowed)
{
    const struct config *config = search->question->config;
    const struct client *client = search->question->client;
    const struct target *first = NULL;

    for (size_t i = 0; i < config->canonical_count; i++) {
        const struct target *target = config->canonical[i];
        if (!allowed(search, target))
            continue;
        if (config->canonical_order == CANONICAL_LISTED)
            return target;
        if (!first || nearest_before(nearest_rank(config, client, target),
                                     nearest_rank(config, client, first)))
            first = target;
    }
    return first;
}

/*
 * The first that is up and has the client in its share; else the first that is up; else
 * the first that returns; else the first that is not drained; else the first: signatures are
 * nowhere else. If it cannot be the very first, one that is known to be up goes before one that
 * has not been checked.
 */
static const struct target *find_canonical(struct search *search)
{
    static nearest_filter *const filters[] = {is_usable_and_checked, is_usable,      is_up,
                                              is_in_service,         is_not_drained, is_reachable};
    const struct target *meant = first_canonical(search, is_reachable);
    const struct target *found = NULL;

    if (!meant || is_usable(search, meant))
        return meant;
    for (size_t i = 0; i < sizeof filters / sizeof *filters && !found; i++)
        found = first_canonical(search, filters[i]);
    if (found != meant && !is_up(search, meant))
        search_note_down(search, meant);
    return found;
}

const struct target *search_target(struct search *search, const struct step *step)
{
    search->step = step;
    switch (step->kind) {
    case STEP_NEAREST:
        return search_nearest(search);
    case STEP_BUCKET:
        return find_meant(search, TARGET_BUCKET);
    case STEP_CANONICAL:
        return find_canonical(search);
    case STEP_DEFAULT:
        return search->question->config->fallback;
    case STEP_TARGET:
        break;
    }
    return step->target;
}
