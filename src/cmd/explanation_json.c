/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#ifdef HAVE_JANSSON
#include "cmd/explanation_json.h"

static json_t *text_of(struct slice s)
{
    json_t *text = json_stringn(s.at ? s.at : "", s.len);
    return text ? text : json_string("(not UTF-8)");
}

static json_t *key_of(const struct places *places, place_index index)
{
    return index == NO_PLACE ? json_null() : json_string(place_key(places, index));
}

json_t *explain_client_json(const struct explanation *e)
{
    const struct client *client = &e->routed.client;
    const struct places *places = &e->config->places;

    char address[ADDRESS_TEXT], prefix[ADDRESS_PREFIX_TEXT];
    bool found = client->database >= 0;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:s?, s:s, s:s?, s:s?, s:i}", "from", explain_source(client),
        "told", text_of(client->told), "region", key_of(places, client->place.region), "country",
        key_of(places, client->place.country), "continent", key_of(places, client->place.continent),
        "upstream", client->named ? client->named->name : NULL, "address",
        address_format(&client->address, address), "prefix",
        found ? explain_prefix(client, prefix) : NULL, "database",
        found ? e->config->databases[client->database].file : NULL, "asn", (int)client->asn);
}

static json_t *steps_json(const struct explanation *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->step_count; i++) {
        const struct explained_step *s = &e->step[i];
        struct why why;
        bool last = explain_last_resort(e, s, &why);
        json_array_append_new(list, json_pack("{s:s, s:s?, s:b, s:s, s:s*}", "word", s->step->word,
                                              "target", s->target ? s->target->name : NULL, "taken",
                                              s->verdict == VERDICT_TAKEN, "why",
                                              explain_verdict(s->verdict), "last_resort",
                                              last ? why.text : NULL));
    }
    return list;
}

json_t *explain_ranks_json(const struct explanation *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->rank_count; i++) {
        const struct explained_rank *r = &e->rank[i];
        double km = explain_km(e, r->target);
        json_t *distance = km < 0 ? json_null() : json_integer((json_int_t)km);
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:b, s:s, s:o}", "upstream",
                                              r->target->name, "share", r->part.share, "takes",
                                              part_taken(r->part), "takes_client",
                                              r->admission == ADMISSION_TAKEN, "why",
                                              explain_nearness(r->rank.nearness), "km", distance));
    }
    return list;
}

static void add_route(json_t *into, const struct explanation *e)
{
    const struct decision *decision = &e->routed.decision;

    json_object_set_new(into, "client", explain_client_json(e));
    json_object_set_new(into, "rule",
                        json_pack("{s:s, s:i}", "file", decision->rule->at.file, "line",
                                  (int)decision->rule->at.line));
    json_object_set_new(into, "target", json_string(decision->target->name));
    json_object_set_new(into, "unsure", json_boolean(decision->unsure));
    json_object_set_new(into, "targets", steps_json(e));
    json_object_set_new(into, "nearest", explain_ranks_json(e));
}

json_t *explain_json(const struct explanation *e)
{
    const struct decision *decision = &e->routed.decision;
    const struct classified *c = &e->routed.classified;
    json_t *json = json_pack("{s:o, s:o, s:i, s:s?, s:s, s:s?, s:o, s:o}", "method",
                             text_of(slice_of(e->method)), "asked", text_of(slice_of(e->asked)),
                             "status", decision_status(decision), "location",
                             e->location[0] ? e->location : NULL, "class", class_name(c->class),
                             "error", decision->error ? decision->error->code : NULL, "name",
                             text_of(c->name), "reference", text_of(c->reference));

    if (json && e->routed.listed_by)
        json_object_set_new(json, "listed_by", text_of(slice_of(e->routed.listed_by)));
    if (json && decision->outcome == OUTCOME_REDIRECT)
        add_route(json, e);
    return json;
}
#endif
