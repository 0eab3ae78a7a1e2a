/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text format 0.0.4, with the names and units its conventions ask for.
 * Counters begin at zero with the prober, as those of any process do with it.
 */
#include "status/public.h"

#include <inttypes.h>
#include <string.h>

/* The head of a metric. */
static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP signpost_%s %s\n# TYPE signpost_%s %s\n", name, help, name, type);
}

static void write_redirected(const char *name, const struct counters_target *target, FILE *out)
{
    for (unsigned class = 0; class < CLASS_ROUTED; class ++)
        for (unsigned k = 0; k < CONTINENTS; k++)
            if (target->redirected[class][k])
                fprintf(out,
                        "signpost_requests_total{class=\"%s\",status=\"307\",target=\"%s\","
                        "continent=\"%s\"} %" PRIu64 "\n",
                        class_name((enum request_class) class), name, counters_continents[k],
                        target->redirected[class][k]);
}

/* Names of targets and classes are of letters, digits, dots, dashes and underscores: nothing is
 * to be escaped. */
static void write_requests(const struct status *s, FILE *out)
{
    const struct counters *c = s->counters;

    head(out, "requests_total", "counter",
         "Requests by what they ask for, HTTP status, the target they were sent to, and the "
         "client's continent.");
    for (unsigned class = 0; class < CLASSES; class ++)
        for (unsigned status = 0; status < STATUSES; status++)
            for (unsigned k = 0; k < CONTINENTS; k++)
                if (c->general.answered[class][status][k])
                    fprintf(out,
                            "signpost_requests_total{class=\"%s\",status=\"%s\",target=\"\","
                            "continent=\"%s\"} %" PRIu64 "\n",
                            class_name((enum request_class) class), counters_statuses[status],
                            counters_continents[k], c->general.answered[class][status][k]);
    for (size_t i = 0; i < c->place_count; i++)
        if (c->owner[i].name) /* one that nobody knows may get one soon: a series never decreases */
            write_redirected(c->owner[i].name, &c->target[i], out);
}

static void write_durations(const struct status *s, FILE *out)
{
    const struct counters_general *general = &s->counters->general;
    uint64_t count = 0;

    head(
        out, "decision_seconds", "histogram",
        "Time from a request's arrival until it was decided on, the wait for the prober included.");
    for (size_t i = 0; i < TOOK_BUCKETS; i++) {
        count += general->took[i];
        if (counters_took_ns[i] == UINT64_MAX)
            fputs("signpost_decision_seconds_bucket{le=\"+Inf\"}", out);
        else
            fprintf(out, "signpost_decision_seconds_bucket{le=\"%g\"}",
                    (double)counters_took_ns[i] / 1e9);
        fprintf(out, " %" PRIu64 "\n", count);
    }
    fprintf(out,
            "signpost_decision_seconds_sum %.9f\n"
            "signpost_decision_seconds_count %" PRIu64 "\n",
            (double)general->took_ns / 1e9, count);
}

/* What happens to responders; those of one name follow one another. */
static const struct {
    enum happening what;
    const char *name, *label, *help;
} happenings[] = {
    {HAPPENED_CONNECTION, "connections_total", "", "Connections of web servers."},
    {HAPPENED_STRANGER, "connections_refused_total", "",
     "Connections of web servers that FCGI_WEB_SERVER_ADDRS does not list."},
    {HAPPENED_MALFORMED, "connections_malformed_total", "",
     "Requests refused and connections closed for what was sent, or was not sent in time."},
    {HAPPENED_IN_TIME, "waits_total", "{result=\"answered\"}",
     "Requests that waited for the prober, by what came of it."},
    {HAPPENED_LATE, "waits_total", "{result=\"late\"}", NULL},
    {HAPPENED_DESERTED, "waits_total", "{result=\"deserted\"}", NULL},
    {HAPPENED_NO_PROBER, "waits_impossible_total", "{reason=\"prober\"}",
     "Requests that could have waited for the prober, and did not."},
    {HAPPENED_CROWDED, "waits_impossible_total", "{reason=\"crowded\"}", NULL},
    {HAPPENED_RELOAD, "reloads_total", "{result=\"taken\"}",
     "Configurations that responders have read again."},
    {HAPPENED_REFUSED_RELOAD, "reloads_total", "{result=\"refused\"}", NULL},
    {HAPPENED_LINE, "log_lines_total", "", "Lines of the log."},
    {HAPPENED_DROPPED_LINE, "log_lines_dropped_total", "",
     "Lines of the log that could not be written."},
};

static void write_knowings(const struct status *s, FILE *out)
{
    head(out, "digests_total", "counter",
         "Requests by digest whose way hung on who holds the object, by who knew that.");
    for (size_t i = 0; i < KNOWINGS; i++)
        fprintf(out, "signpost_digests_total{known_by=\"%s\"} %" PRIu64 "\n", counters_knowings[i],
                s->counters->general.known[i]);
}

static void write_happenings(const struct status *s, FILE *out)
{
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++) {
        if (happenings[i].help)
            head(out, happenings[i].name, "counter", happenings[i].help);
        fprintf(out, "signpost_%s%s %" PRIu64 "\n", happenings[i].name, happenings[i].label,
                s->counters->general.happened[happenings[i].what]);
    }
}

/* ---- targets ---- */

static double is_up(const struct status_target *t)
{
    return t->health.state == HEALTH_UP || t->health.state == HEALTH_RETURNING;
}

static double is_checked(const struct status_target *t)
{
    return t->health.state != HEALTH_NOT_CHECKED;
}

static double checked_at(const struct status_target *t)
{
    return (double)t->health.checked_s;
}

static double is_drained(const struct status_target *t)
{
    return t->drained;
}

static double share(const struct status_target *t)
{
    return t->share;
}

static double takes(const struct status_target *t)
{
    return t->takes;
}

static double head_seconds(const struct status_target *t)
{
    return t->health.head_ms / 1e3;
}

static const struct {
    const char *name, *help;
    double (*value)(const struct status_target *target);
    bool of_checked; /* left out for a target that is not checked */
} gauges[] = {
    {"target_up", "Whether a target is up; of those that are checked.", is_up, true},
    {"target_checked", "Whether the state of a target is known: it was checked lately.", is_checked,
     false},
    {"target_checked_timestamp_seconds",
     "When a target was last checked, in seconds since 1970; 0: never.", checked_at, false},
    {"target_drained", "Whether the operator has drained a target.", is_drained, false},
    {"target_share_ratio", "Which part of the requests meant for it a target is to take.", share,
     false},
    {"target_takes_ratio", "Which part of the requests meant for it a target takes now.", takes,
     false},
    {"target_head_seconds", "How long a HEAD takes at a target; 0: not measured.", head_seconds,
     false},
};

static void write_gauges(const struct status *s, FILE *out)
{
    for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
        head(out, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < s->target_count; i++)
            if (!gauges[g].of_checked || s->target[i].health.state != HEALTH_NOT_CHECKED)
                fprintf(out, "signpost_%s{target=\"%s\",kind=\"%s\"} %.10g\n", gauges[g].name,
                        s->target[i].target->name, status_kind(s->target[i].target),
                        gauges[g].value(&s->target[i]));
    }
    head(out, "network_in_doubt", "gauge",
         "Whether so many targets cannot be connected to that none is taken out of service.");
    fprintf(out, "signpost_network_in_doubt %d\n", s->network_doubt_s != 0);
}

/* What is counted of each target: by the prober, in its health, or of requests. */
#define PROBED(field)  true, offsetof(struct target_counters, field)
#define COUNTED(field) false, offsetof(struct counters_target, field)

static const struct target_counter {
    const char *name, *label, *help; /* help: NULL, it is one more label of the one before */
    bool is_probed;
    size_t offset;
} target_counters[] = {
    {"target_probes_total", "", "HEAD requests that the prober has sent to a target.",
     PROBED(probes)},
    {"target_checks_total", "", "Checks of a target, of one request (a bucket) or two.",
     PROBED(checks)},
    {"target_findings_total", ",result=\"present\"", "What came of the HEAD requests.",
     PROBED(present)},
    {"target_findings_total", ",result=\"absent\"", NULL, PROBED(absent)},
    {"target_findings_total", ",result=\"failed\"", NULL, PROBED(failed)},
    {"target_not_probed_total", ",reason=\"budget\"",
     "Questions about a target that were not looked into.", PROBED(refused)},
    {"target_not_probed_total", ",reason=\"down\"", NULL, PROBED(skipped)},
    {"target_share_requests_total", ",result=\"in\"",
     "Requests meant for a target while it had a share, by whether their client was in it.",
     COUNTED(in_share)},
    {"target_share_requests_total", ",result=\"out\"", NULL, COUNTED(out_of_share)},
    {"target_extra_requests_total", ",result=\"taken\"",
     "Requests meant for a target that was down or drained, by what the next nearest did with "
     "them.",
     COUNTED(extra_taken)},
    {"target_extra_requests_total", ",result=\"left\"", NULL, COUNTED(extra_left)},
    {"target_passed_over_total", "",
     "Requests meant for a target, and sent elsewhere since it was down, drained or returning.",
     COUNTED(passed_over)},
};

static uint64_t target_count(const struct status_target *target, const struct target_counter *c)
{
    const void *counts =
        c->is_probed ? (const void *)&target->health.counters : (const void *)target->counted;
    uint64_t value;

    memcpy(&value, (const char *)counts + c->offset, sizeof value);
    return value;
}

static void write_target_counters(const struct status *s, FILE *out)
{
    for (size_t i = 0; i < sizeof target_counters / sizeof *target_counters; i++) {
        const struct target_counter *c = &target_counters[i];
        if (c->help)
            head(out, c->name, "counter", c->help);
        for (size_t t = 0; t < s->target_count; t++)
            fprintf(out, "signpost_%s{target=\"%s\"%s} %" PRIu64 "\n", c->name,
                    s->target[t].target->name, c->label, target_count(&s->target[t], c));
    }
}

/* ---- the prober ---- */

static const struct {
    const char *line; /* its name in the file "health" */
    const char *name, *type, *help;
} prober[] = {
    {"questions", "prober_questions_total", "counter", "Questions of responders."},
    {"answers", "prober_answers_total", "counter", "Answers to responders."},
    {"answers_dropped", "prober_answers_dropped_total", "counter",
     "Answers that a responder had no room for."},
    {"malformed", "prober_malformed_total", "counter", "Packets that were no question."},
    {"hits", "prober_cache_hits_total", "counter", "Verdicts that were known already."},
    {"probes", "prober_probes_total", "counter", "HEAD requests sent."},
    {"shared", "prober_shared_total", "counter",
     "Verdicts that waited for a HEAD request under way."},
    {"refused", "prober_refused_by_budget_total", "counter",
     "Verdicts not looked for, since the budget was spent."},
    {"skipped", "prober_skipped_total", "counter",
     "Verdicts not looked for, since the target was down."},
    {"overflow", "prober_overflow_total", "counter",
     "Verdicts not looked for, since too much was under way."},
    {"strangers", "prober_strangers_total", "counter",
     "Verdicts asked about targets that the prober's configuration does not have."},
    {"checks", "prober_checks_total", "counter", "Checks of targets, of one request or two."},
    {"unaskable", "prober_unaskable_total", "counter",
     "Verdicts not looked for, since registries fail at such a name or digest."},
    {"recent", "prober_recently_unknown_total", "counter",
     "Verdicts not looked for, since they could not be found out a moment ago."},
    {"limited", "prober_rate_limited_total", "counter",
     "Answers of targets that asked for fewer requests (429)."},
    {"forgotten", "prober_forgotten_total", "counter",
     "Times that a target had lost all that it served before, so that its entries were dropped."},
    {"sleeps", "prober_sleeps_total", "counter",
     "Times that the prober did not run when it should have, so that checks were made anew."},
    {"redirected_away", "prober_redirected_away_total", "counter",
     "HEAD requests that were redirected to a host of no target."},
    {"other_objects", "prober_other_objects_total", "counter",
     "HEAD requests that were answered for another digest."},
    {"clients", "prober_responders", "gauge", "Responders that are connected."},
    {"clients_refused", "prober_responders_refused_total", "counter",
     "Responders that were turned away."},
    {"cache_present", "cache_present_entries", "gauge", "Findings kept of what is there."},
    {"cache_absent", "cache_absent_entries", "gauge", "Findings kept of what is not."},
    {"cache_slots", "cache_slots", "gauge", "Findings that the cache has room for."},
    {"cache_evicted", "cache_evicted_total", "counter", "Findings pushed out by others."},
    {"cache_lost", "cache_lost_total", "counter", "Findings that had no place in the cache."},
    {"cache_rebuilt", "cache_rebuilt_total", "counter", "Caches begun anew after damage."},
};

static const struct counter_line *find_line(const struct status *s, const char *name)
{
    for (size_t i = 0; i < s->prober_count; i++)
        if (strcmp(s->prober[i].name, name) == 0)
            return &s->prober[i];
    return NULL;
}

static void write_prober(const struct status *s, FILE *out)
{
    for (size_t i = 0; i < sizeof prober / sizeof *prober; i++) {
        const struct counter_line *line = find_line(s, prober[i].line);
        if (!line)
            continue;
        head(out, prober[i].name, prober[i].type, prober[i].help);
        fprintf(out, "signpost_%s %" PRIu64 "\n", prober[i].name, line->value);
    }
}

/* ---- the index's sources ---- */

static int64_t serial(const struct status *s, const struct index_source_status *source)
{
    (void)s;
    return (int64_t)source->serial;
}

static int64_t lines(const struct status *s, const struct index_source_status *source)
{
    (void)s;
    return (int64_t)source->lines;
}

static int64_t age(const struct status *s, const struct index_source_status *source)
{
    return source->asked_s ? s->now_s - source->asked_s : -1;
}

static int64_t refused(const struct status *s, const struct index_source_status *source)
{
    (void)s;
    return (int64_t)source->refused;
}

static const struct {
    const char *name, *type, *help;
    int64_t (*value)(const struct status *s, const struct index_source_status *source);
} source_metrics[] = {
    {"index_serial", "gauge", "The serial of the list that an index source has; 0: none.", serial},
    {"index_lines", "gauge", "How many lines its files have.", lines},
    {"index_age_seconds", "gauge",
     "How long ago a source last answered with a good list, new or not; -1: never.", age},
    {"index_refused_total", "counter", "How often a source was refused.", refused},
};

/* URLs of a configuration have neither quotes nor backslashes: nothing is to be escaped. */
static void write_sources(const struct status *s, FILE *out)
{
    const struct config *config = s->config;

    for (size_t m = 0; m < sizeof source_metrics / sizeof *source_metrics; m++) {
        if (config->index_source_count > 0)
            head(out, source_metrics[m].name, source_metrics[m].type, source_metrics[m].help);
        for (size_t i = 0; i < config->index_source_count; i++) {
            const struct index_source_status *source =
                index_status_find(&s->index, &config->index_sources[i]);
            if (source)
                fprintf(out, "signpost_%s{source=\"%s\"} %" PRId64 "\n", source_metrics[m].name,
                        config->index_sources[i].mirrors[0], source_metrics[m].value(s, source));
        }
    }
}

void status_write_metrics(const struct status *s, FILE *out)
{
    head(out, "build_info", "gauge", "The version of signpost; always 1.");
    fprintf(out, "signpost_build_info{version=\"%s\"} 1\n", s->version);
    head(out, "start_time_seconds", "gauge",
         "When the prober was started, with which all counters begin; in seconds since 1970.");
    fprintf(out, "signpost_start_time_seconds %" PRId64 "\n", s->started_s);
    write_requests(s, out);
    write_durations(s, out);
    write_knowings(s, out);
    write_happenings(s, out);
    write_gauges(s, out);
    write_target_counters(s, out);
    write_prober(s, out);
    write_sources(s, out);
}
