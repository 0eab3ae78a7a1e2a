/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/explanation.h"

#include <stdlib.h>
#include "config/print_config.h"
#include "route/last_resort.h"

enum { RANKS_SHOWN = 5 };

static bool is_out_of_service(const struct knowledge *knowledge, const struct target *target)
{
    struct part part = knowledge_part(knowledge, target);

    return part_taken(part) <= 0;
}

bool explain_last_resort(const struct explanation *e, const struct explained_step *step,
                         struct why *why)
{
    struct part parts[TARGETS_MAX];

    if (!step->is_out)
        return false;
    for (size_t i = 0; i < e->config->target_count; i++)
        parts[i] = knowledge_part(e->knowledge, &e->config->targets[i]);
    return last_resort(e->config, parts, step->target, why);
}

static void saw(void *ctx, const struct step *step, const struct target *target,
                enum verdict verdict)
{
    struct explanation *e = ctx;
    bool is_out = verdict == VERDICT_TAKEN && is_out_of_service(e->knowledge, target);

    if (e->step_count < sizeof e->step / sizeof *e->step)
        e->step[e->step_count++] = (struct explained_step){step, target, verdict, is_out};
}

static int compare_ranks(const void *a, const void *b)
{
    const struct explained_rank *x = a, *y = b;

    if (nearest_before(x->rank, y->rank))
        return -1;
    if (nearest_before(y->rank, x->rank))
        return 1;
    return (x->target > y->target) - (x->target < y->target); /* the file's order */
}

static void rank_upstreams(struct explanation *e, const struct knowledge *knowledge)
{
    const struct guest guest = {&e->routed.client, e->routed.classified.name};

    for (size_t i = 0; i < e->config->upstream_count; i++) {
        const struct target *target = &e->config->targets[i];
        struct part part = knowledge_part(knowledge, target);
        e->rank[e->rank_count++] =
            (struct explained_rank){target, nearest_rank(e->config, &e->routed.client, target),
                                    part, admission_at(target, part, &guest)};
    }
    qsort(e->rank, e->rank_count, sizeof *e->rank, compare_ranks);
}

void explain(struct explanation *e, const struct config *config, const struct knowledge *knowledge,
             const char *method, const char *asked, char *const *variables)
{
    struct decision_trace trace = {saw, e};

    e->config = config;
    e->knowledge = knowledge;
    e->method = method;
    e->asked = asked;
    e->step_count = e->rank_count = 0;
    e->location[0] = '\0';
    request_read(&e->request, &config->request, variables);
    route(config, knowledge, &e->request, NULL, &trace, &e->routed);
    if (e->routed.classified.class < CLASS_ROUTED)
        rank_upstreams(e, knowledge);
    if (decision_status(&e->routed.decision) == 307) {
        struct text location = {.at = e->location, .size = sizeof e->location - 1};
        respond_location(&e->routed.decision, &e->routed.classified, e->request.query, &location);
        e->location[location.len] = '\0';
    }
}

double explain_km(const struct explanation *e, const struct target *target)
{
    const struct place *client = &e->routed.client.place;

    if (!client->has_point || !target->place.has_point)
        return -1;
    return place_distance_km(client->point, target->place.point);
}

static void print_fact(const struct places *places, const char *what, place_index index, FILE *out)
{
    const struct place_fact *fact = place_fact(places, index);

    if (!fact)
        return;
    const char *colon = fact->kind == PLACE_REGION ? NULL : strchr(fact->key, ':');
    fprintf(out, " %s %s", what, colon ? colon + 1 : fact->key);
    if (fact->name[0])
        fprintf(out, " (%s)", fact->name);
    putc(',', out);
}

static void print_place(const struct places *places, const struct place *place, FILE *out)
{
    print_fact(places, "region", place->region, out);
    print_fact(places, "country", place->country, out);
    print_fact(places, "continent", place->continent, out);
}

const char *explain_prefix(const struct client *client, char text[ADDRESS_PREFIX_TEXT])
{
    return address_format_prefix(address_unwrap(client->address), client->prefix_bits, text);
}

static void print_address(const struct explanation *e, FILE *out)
{
    const struct client *client = &e->routed.client;
    char text[ADDRESS_PREFIX_TEXT];

    if (address_is_ip(&client->address))
        fprintf(out, " %s", address_format(&client->address, text));
    if (client->database >= 0)
        fprintf(out, ", by %s in %s", explain_prefix(client, text),
                e->config->databases[client->database].file);
    if (client->asn)
        fprintf(out, ", AS%u", client->asn);
}

static void print_unknown(const struct explanation *e, FILE *out)
{
    const struct request *request = &e->request;
    struct slice told = request->server_region;

    if (told.len == 0 && request->region.count > 0)
        told = request->region.value[0];
    if (told.len > 0)
        fprintf(out, "of unknown place: \"%.*s\" is no region, country or the like that is known",
                (int)(told.len < 80 ? told.len : 80), told.at);
    else
        fputs("of unknown place: neither a region nor an address tells", out);
    print_address(e, out);
    putc('\n', out);
}

void explain_print_client(const struct explanation *e, FILE *out)
{
    const struct client *client = &e->routed.client;

    fputs("client    ", out);
    if (client->source == CLIENT_UNKNOWN) {
        print_unknown(e, out);
        return;
    }
    if (client->named)
        fprintf(out, "at the upstream %s,", client->named->name);
    else if (client->place.country == NO_PLACE && client->place.has_point)
        fputs("at a point,", out);
    else
        fputs("in", out);
    print_place(&e->config->places, &client->place, out);
    fprintf(out, " from %s", explain_source(client));
    if (client->told.len)
        fprintf(out, " \"%.*s\"", (int)client->told.len, client->told.at);
    else
        print_address(e, out);
    putc('\n', out);
}

static void print_steps(const struct explanation *e, FILE *out)
{
    for (size_t i = 0; i < e->step_count; i++) {
        const struct explained_step *s = &e->step[i];
        struct why why;
        bool last = explain_last_resort(e, s, &why);
        fprintf(out, "%-9s %s%s%s: %s%s%s%s%s%s\n", i ? "" : "targets", s->step->word,
                s->target ? " = " : "", s->target ? s->target->name : "",
                explain_verdict(s->verdict), s->is_out ? ", although it is out of service" : "",
                last ? " (" : "", last ? why.text : "", last ? ")" : "",
                s->verdict == VERDICT_TAKEN ? explain_unsure(e->routed.decision.unsure) : "");
    }
}

/* Where the request goes if all that are asked whether they hold the object have trouble. */
static const struct target *target_in_trouble(const struct explanation *e)
{
    const struct decision *decision = &e->routed.decision;
    struct findings findings = {.count = decision->ask_count};
    struct routed routed;

    for (size_t i = 0; i < decision->ask_count; i++) {
        findings.target[i] = decision->ask[i];
        findings.in_trouble[i] = true;
    }
    route(e->config, e->knowledge, &e->request, &findings, NULL, &routed);
    return routed.decision.target;
}

/* What a responder does first, where there is a prober. */
static void print_question(const struct explanation *e, FILE *out)
{
    const struct decision *decision = &e->routed.decision;

    if (decision->ask_count == 0 || e->config->probing.start == PROBER_OFF)
        return;
    fputs("prober    a responder asks it first: does ", out);
    for (size_t i = 0; i < decision->ask_count; i++)
        fprintf(out, "%s%s", i ? " or " : "", decision->ask[i]->name);
    fputs(" hold the object?\n", out);
    const struct target *target = target_in_trouble(e);
    if (target != decision->target)
        fprintf(out, "%-9s if it answers 401, 429 or 5xx, or refuses the connection: %s\n", "",
                target->name);
}

/* What keeps an upstream from taking all of its clients, and whether it takes this one. */
static void print_part(const struct explained_rank *r, FILE *out)
{
    if (r->part.share < 1)
        fprintf(out, ", with a share of %g %%: this client is%s in it", 100 * r->part.share,
                r->admission == ADMISSION_NOT_IN_SHARE ? " not" : "");
    if (r->part.drained)
        fputs(", but it is drained", out);
    else if (r->part.health <= 0)
        fputs(", but it is down", out);
    else if (r->part.health < 1)
        fprintf(out, ", returning with %.0f %%: this client is%s among them", 100 * r->part.health,
                r->admission == ADMISSION_TAKEN ? "" : " not");
}

void explain_print_ranks(const struct explanation *e, size_t count, FILE *out)
{
    for (size_t i = 0; i < e->rank_count && i < count; i++) {
        const struct explained_rank *r = &e->rank[i];
        double km = explain_km(e, r->target);
        fprintf(out, "%-9s %zu. %s: %s", i ? "" : "nearest", i + 1, r->target->name,
                explain_nearness(r->rank.nearness));
        if (km >= 0)
            fprintf(out, ", %.0f km", km);
        print_part(r, out);
        putc('\n', out);
    }
    if (e->rank_count > count)
        fprintf(out, "%-9s and %zu more\n", "", e->rank_count - count);
}

static void print_class(const struct explanation *e, FILE *out)
{
    const struct classified *c = &e->routed.classified;

    fprintf(out, "class     %s", class_name(c->class));
    if (c->name.len)
        fprintf(out, ", name \"%.*s\", reference \"%.*s\"", (int)c->name.len, c->name.at,
                (int)c->reference.len, c->reference.at);
    putc('\n', out);
}

/* Which knowledge of the object decided, if any did. */
static void print_knowledge(const struct explanation *e, FILE *out)
{
    if (e->routed.listed_by)
        fprintf(out, "known by  the index: %s\n", e->routed.listed_by);
    else if (e->routed.decision.word_of == WORD_OF_CACHE)
        fputs("known by  the cache: the prober has asked before\n", out);
}

void explain_print(const struct explanation *e, FILE *out)
{
    const struct decision *decision = &e->routed.decision;

    fprintf(out, "%s %s\nstatus    %d", e->method, e->asked, decision_status(decision));
    if (decision->error)
        fprintf(out, " %s: %s, %s", decision->error->reason, decision->error->code,
                decision->error->message);
    putc('\n', out);
    if (e->location[0])
        fprintf(out, "location  %s\n", e->location);
    print_class(e, out);
    print_knowledge(e, out);
    if (decision->outcome != OUTCOME_REDIRECT)
        return;
    explain_print_client(e, out);
    fputs("rule      ", out);
    print_rule(decision->rule, out);
    fprintf(out, " at %s:%u\n", decision->rule->at.file, decision->rule->at.line);
    print_steps(e, out);
    print_question(e, out);
    explain_print_ranks(e, RANKS_SHOWN, out);
}
