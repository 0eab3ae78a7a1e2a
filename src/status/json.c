/* SPDX-License-Identifier: Apache-2.0 */
/* The status as JSON, for programs. */
#include "config.h"
#include "status/public.h"

#ifdef HAVE_JANSSON
#include <jansson.h>

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* { "WORD": n, … }, without those that are 0. */
static json_t *by_word(const char *const *words, const uint64_t *n, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        if (n[i])
            set(object, words[i], n[i]);
    return object;
}

static json_t *requests_json(const struct status *s)
{
    struct counters_sums sums = counters_sum(s->counters);
    const char *classes[CLASSES];
    json_t *targets = json_object();

    for (unsigned class = 0; class < CLASSES; class ++)
        classes[class] = class_name((enum request_class) class);
    for (size_t i = 0; i < s->target_count; i++)
        set(targets, s->target[i].target->name, counters_sum_target(s->target[i].counted));
    for (size_t i = s->counters->target_count; i < s->counters->place_count; i++)
        if (s->counters->owner[i].name)
            set(targets, s->counters->owner[i].name, counters_sum_target(&s->counters->target[i]));
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "all", (json_int_t)sums.all, "by_class",
                     by_word(classes, sums.class, CLASSES), "by_status",
                     by_word(counters_statuses, sums.status, STATUSES), "by_continent",
                     by_word(counters_continents, sums.continent, CONTINENTS), "by_target",
                     targets);
}

/* What responders met with, and how they decided. */
static json_t *responders_json(const struct counters_general *general)
{
    json_t *json =
        json_pack("{s:f, s:o}", "decision_seconds", (double)general->took_ns / 1e9,
                  "digests_known_by", by_word(counters_knowings, general->known, KNOWINGS));

    for (size_t i = 0; i < HAPPENINGS; i++)
        set(json, counters_happenings[i], general->happened[i]);
    return json;
}

/* Set and seen, which is null where nothing was counted. */
static void set_share(json_t *json, const struct status_target *t)
{
    double seen = health_seen_share(&t->health);

    json_object_set_new(json, "share", json_real(t->share));
    json_object_set_new(json, "share_seen", seen < 0 ? json_null() : json_real(seen));
}

json_t *status_probes_json(const struct target_counters *c, const char *sent)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", sent, (json_int_t)c->probes, "checks",
                     (json_int_t)c->checks, "present", (json_int_t)c->present, "absent",
                     (json_int_t)c->absent, "failed", (json_int_t)c->failed, "refused",
                     (json_int_t)c->refused, "skipped", (json_int_t)c->skipped);
}

static json_t *target_json(const struct status_target *t)
{
    const struct target *target = t->target;
    const struct target_health *h = &t->health;
    json_t *json = json_pack("{s:s, s:s, s:s, s:s%, s:f, s:i, s:I, s:s, s:I}", "name", target->name,
                             "kind", status_kind(target), "state", status_word(h, t->drained),
                             "url", target->url.at, target->url.len, "takes", t->takes, "head_ms",
                             (int)h->head_ms, "since", (json_int_t)h->changed_s, "failure",
                             h->failure, "requests", (json_int_t)counters_sum_target(t->counted));

    set_share(json, t);
    set(json, "checked", (uint64_t)h->checked_s);
    set(json, "witnesses", h->witnesses);
    set(json, "passed_over", t->counted->passed_over);
    set(json, "extra_taken", t->counted->extra_taken);
    set(json, "extra_left", t->counted->extra_left);
    json_object_set_new(json, "probes", status_probes_json(&h->counters, "sent"));
    return json;
}

static json_t *sources_json(const struct status *s)
{
    json_t *sources = json_array();

    for (size_t i = 0; i < s->config->index_source_count; i++) {
        const struct index_source *source = &s->config->index_sources[i];
        const struct index_source_status *found = index_status_find(&s->index, source);
        if (!found)
            continue;
        json_t *json =
            json_pack("{s:s, s:s}", "source", source->mirrors[0], "reason", found->reason.text);
        set(json, "serial", found->serial);
        set(json, "time", (uint64_t)found->time_s);
        set(json, "lines", found->lines);
        set(json, "fetched", (uint64_t)found->fetched_s);
        set(json, "asked", (uint64_t)found->asked_s);
        set(json, "refused", found->refused);
        json_array_append_new(sources, json);
    }
    return sources;
}

void status_write_json(const struct status *s, FILE *out)
{
    json_t *targets = json_array(), *prober = json_object();

    for (size_t i = 0; i < s->target_count; i++)
        json_array_append_new(targets, target_json(&s->target[i]));
    for (size_t i = 0; i < s->prober_count; i++)
        set(prober, s->prober[i].name, s->prober[i].value);
    json_t *json = json_pack(
        "{s:s, s:s%, s:I, s:I, s:i, s:o, s:o, s:o, s:o}", "version", s->version, "registry",
        s->config->name.at, s->config->name.len, "written", (json_int_t)s->now_s, "started",
        (json_int_t)s->started_s, "process", s->process, "requests", requests_json(s), "responders",
        responders_json(&s->counters->general), "targets", targets, "prober", prober);
    set(json, "network_doubt", (uint64_t)s->network_doubt_s);
    json_object_set_new(json, "index_sources", sources_json(s));
    json_dumpf(json, out, JSON_INDENT(2));
    putc('\n', out);
    json_decref(json);
}
#endif
