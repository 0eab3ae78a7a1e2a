/* SPDX-License-Identifier: Apache-2.0 */
/* signpost state: how the targets are, as the prober sees them and as the operator set them. */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "cmd/command.h"
#include "cmd/command_json.h"
#include "config/configuration.h"
#include "core/plain_file.h"
#include "route/last_resort.h"
#include "state/index_status.h"
#include "state/knowledge.h"
#include "state/presence.h"
#include "status/public.h"

enum { STATUS_SIZE_MAX = 16 * 1024 * 1024 };

static const char usage[] =
    "Usage: signpost state [--config FILE] [--json]\n"
    "\n"
    "Shows each upstream and bucket: whether it is up or drained, which part of its\n"
    "requests it takes now, the share that is set (by the configuration or `signpost\n"
    "share`) and the one that was seen since, how long a HEAD takes, since when it is\n"
    "so, what was wrong last, and how often it was asked; and how many requests there\n"
    "were, by class, status, target and continent; which responders there are, and who of\n"
    "them refuses its configuration. It reads what they and the prober leave in the state\n"
    "directory, and asks nobody.\n"
    "\n"
    "  --config FILE   the configuration that names the targets and the state directory\n"
    "  --json          prints JSON, with the prober's counters\n"
    "\n"
    "The exit status is 1 if a target is down or drained, or a process refuses its\n"
    "configuration.\n";

static const char *word_for(const struct knowledge *knowledge, const struct target *target,
                            const struct target_health *health)
{
    return status_word(health, knowledge_part(knowledge, target).drained);
}

static const struct target_health *find_health(const struct knowledge *knowledge,
                                               const struct target *target)
{
    return knowledge->health ? health_of(knowledge->health, target) : NULL;
}

/* "2026-11-23T20:15:00Z", or "-" for never. */
static const char *format_time(int64_t seconds, char text[32])
{
    time_t moment = (time_t)seconds;
    struct tm parts;

    if (seconds <= 0 || !gmtime_r(&moment, &parts))
        return "-";
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

/* "12.5%", or "-" below 0. */
static const char *format_share(double share, char text[16])
{
    if (share < 0)
        return "-";
    snprintf(text, 16, "%.4g%%", 100 * share);
    return text;
}

static void print_row(const struct knowledge *knowledge, const struct target *target, int width)
{
    static const struct target_health nothing;
    const struct target_health *health = find_health(knowledge, target);
    const char *word = word_for(knowledge, target, health);
    struct part part = knowledge_part(knowledge, target);
    char since[32], takes[16], set[16], seen[16];

    if (!health)
        health = &nothing;
    printf("%-*s  %-8s  %-11s  %6s  %6s  %6s  ", width, target->name, status_kind(target), word,
           format_share(part_taken(part), takes), format_share(part.share, set),
           format_share(health_seen_share(health), seen));
    if (health->head_ms)
        printf("%5u ms", health->head_ms);
    else
        printf("%8s", "-");
    printf("  %-20s  %8" PRIu64 "  %s\n", format_time(health->changed_s, since),
           health->counters.probes, health->failure[0] ? health->failure : "-");
}

/* Those who use the state directory. */
struct crowd {
    unsigned responders, probers, refusing;
    bool aloud; /* prints who refuses its configuration */
};

static void note_process(void *context, const struct presence_note *note)
{
    struct crowd *crowd = context;

    *(note->kind == PRESENCE_PROBER ? &crowd->probers : &crowd->responders) += 1;
    if (note->standing == PRESENCE_SERVES)
        return;
    crowd->refusing++;
    if (crowd->aloud) {
        fputs("The ", stdout);
        presence_print_refusal(note, stdout);
    }
}

static struct crowd look_around(const struct knowledge *knowledge, bool aloud)
{
    struct crowd crowd = {.aloud = aloud};

    if (knowledge->state.fd >= 0)
        presence_list(knowledge->state.fd, note_process, &crowd);
    return crowd;
}

static void print_processes(const struct knowledge *knowledge)
{
    struct crowd crowd = look_around(knowledge, true);

    printf("%u responder%s and %s prober are there.\n", crowd.responders,
           crowd.responders == 1 ? "" : "s", crowd.probers > 0 ? "the" : "no");
}

/* What the index has from a source. */
static void print_source(const struct index_source_status *s, int64_t now_s)
{
    char made[32], fetched[32], asked[32];

    if (!s->serial)
        printf("nothing so far");
    else
        printf("serial %" PRIu64 ", %" PRIu64 " line%s, made %s, fetched %s", s->serial, s->lines,
               s->lines == 1 ? "" : "s", format_time(s->time_s, made),
               format_time(s->fetched_s, fetched));
    if (s->asked_s)
        printf(", confirmed %s", format_time(s->asked_s, asked));
    if (s->refused)
        printf(", refused %" PRIu64 " time%s", s->refused, s->refused == 1 ? "" : "s");
    putchar('\n');
    if (s->reason.text[0])
        printf("       the last time: %s\n", s->reason.text);
    if (index_status_is_stale(s, now_s))
        printf("       ALARM: it %s. What was fetched serves on; newer signatures are not known.\n",
               s->asked_s ? "has not been confirmed for a day or longer" : "is not confirmed");
}

/* What the index has from its sources. */
static void print_sources(const struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;
    struct index_status status;

    if (config->index_source_count > 0)
        index_status_read(&status, knowledge->state.fd, config->index_sources,
                          config->index_source_count);
    for (size_t i = 0; i < config->index_source_count; i++) {
        const struct index_source_status *s = index_status_find(&status, &config->index_sources[i]);
        printf("index  %s: ", config->index_sources[i].mirrors[0]);
        if (!s) {
            puts("never asked");
            continue;
        }
        print_source(s, instant_now().wall_s);
    }
}

/* Whether a target gets requests although it is drained, for want of another one. */
static bool is_last_resort(const struct knowledge *knowledge, const struct target *target,
                           struct why *why)
{
    struct part parts[TARGETS_MAX];

    for (size_t i = 0; i < knowledge->config->target_count; i++)
        parts[i] = knowledge_part(knowledge, &knowledge->config->targets[i]);
    return knowledge_part(knowledge, target).drained &&
           last_resort(knowledge->config, parts, target, why);
}

static void print_last_resorts(const struct knowledge *knowledge)
{
    struct why why;

    for (size_t i = 0; i < knowledge->config->target_count; i++) {
        const struct target *target = &knowledge->config->targets[i];
        if (is_last_resort(knowledge, target, &why))
            printf("%s is drained, but still gets requests: %s.\n", target->name, why.text);
    }
}

static void print_table(const struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;
    int64_t published = knowledge->health ? health_published(knowledge->health) : 0;
    int width = 6;
    char when[32];

    for (size_t i = 0; i < config->target_count; i++)
        if ((int)config->targets[i].name_len > width)
            width = (int)config->targets[i].name_len;
    if (published)
        printf("Published by the prober, process %" PRId64 ", at %s.\n",
               health_prober(knowledge->health), format_time(published, when));
    else
        printf(
            "No prober has published anything lately in %s: one is started by a responder, or as "
            "a service (`signpost prober`).\n",
            config->state);
    if (health_network_doubt(knowledge->health))
        printf("Since %s more than half of the targets cannot be connected to: this machine's own "
               "network is in doubt, and no target is taken out of service.\n",
               format_time(health_network_doubt(knowledge->health), when));
    print_processes(knowledge);
    printf("%-*s  %-8s  %-11s  %6s  %6s  %6s  %8s  %-20s  %8s  %s\n", width, "target", "kind",
           "state", "takes", "share", "seen", "HEAD", "since", "probes", "last failure");
    for (size_t i = 0; i < config->target_count; i++)
        print_row(knowledge, &config->targets[i], width);
    print_sources(knowledge);
    print_last_resorts(knowledge);
}

#ifdef HAVE_JANSSON
static json_t *seen_json(const struct target_health *health)
{
    double seen = health_seen_share(health);

    return seen < 0 ? json_null() : json_real(seen);
}

/* What the prober has written for everybody; NULL if it has not. */
static json_t *read_status(const struct knowledge *knowledge)
{
    int directory = knowledge->state.fd;
    int folder = directory < 0 ? -1
                               : openat(directory, PUBLIC_FOLDER,
                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int file =
        folder < 0 ? -1 : plain_file_open(folder, PUBLIC_JSON, O_NOFOLLOW, STATUS_SIZE_MAX, NULL);
    json_t *status = file < 0 ? NULL : json_loadfd(file, 0, NULL);

    if (file >= 0)
        close(file);
    if (folder >= 0)
        close(folder);
    return status;
}

/* "  class      manifest-tag 12, ping 3" */
static void print_sums(const char *title, json_t *sums)
{
    const char *word, *separator = "";
    json_t *n;

    printf("  %-10s ", title);
    json_object_foreach(sums, word, n)
    {
        printf("%s%s %" JSON_INTEGER_FORMAT, separator, word, json_integer_value(n));
        separator = ", ";
    }
    putchar('\n');
}

static void print_requests(const struct knowledge *knowledge)
{
    json_t *status = read_status(knowledge);
    json_t *requests = json_object_get(status, "requests");
    char since[32];

    if (json_integer_value(json_object_get(requests, "all")) > 0) {
        printf("Requests since %s: %" JSON_INTEGER_FORMAT "\n",
               format_time(json_integer_value(json_object_get(status, "started")), since),
               json_integer_value(json_object_get(requests, "all")));
        print_sums("class", json_object_get(requests, "by_class"));
        print_sums("status", json_object_get(requests, "by_status"));
        print_sums("target", json_object_get(requests, "by_target"));
        print_sums("known by",
                   json_object_get(json_object_get(status, "responders"), "digests_known_by"));
        print_sums("continent", json_object_get(requests, "by_continent"));
    }
    json_decref(status);
}

static json_t *target_json(const struct knowledge *knowledge, const struct target *target)
{
    static const struct target_health nothing;
    const struct target_health *health = find_health(knowledge, target);
    const char *word = word_for(knowledge, target, health);

    if (!health)
        health = &nothing;
    struct part part = knowledge_part(knowledge, target);
    struct why why;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s%, s:f, s:f, s:o, s:i, s:I, s:s}", "name", target->name, "kind",
        status_kind(target), "state", word, "url", target->url.at, target->url.len, "takes",
        part_taken(part), "share", part.share, "share_seen", seen_json(health), "head_ms",
        (int)health->head_ms, "since", (json_int_t)health->changed_s, "failure", health->failure);
    json_object_set_new(json, "still_used", json_boolean(is_last_resort(knowledge, target, &why)));
    json_object_set_new(json, "checked", json_integer((json_int_t)health->checked_s));
    json_object_set_new(json, "witnesses", json_integer((json_int_t)health->witnesses));
    json_object_set_new(json, "counters", status_probes_json(&health->counters, "probes"));
    return json;
}

static void add_counter(void *context, const char *name, uint64_t value)
{
    json_object_set_new(context, name, json_integer((json_int_t)value));
}

static void add_process(void *context, const struct presence_note *note)
{
    json_array_append_new(context,
                          json_pack("{s:s, s:I, s:s, s:s, s:s}", "kind", presence_word(note->kind),
                                    "pid", (json_int_t)note->pid, "standing",
                                    presence_standing_word(note->standing), "file", note->file,
                                    "reason", note->reason.text));
}

static json_t *processes_json(const struct knowledge *knowledge)
{
    json_t *processes = json_array();

    if (knowledge->state.fd >= 0)
        presence_list(knowledge->state.fd, add_process, processes);
    return processes;
}

static int print_json(const struct knowledge *knowledge)
{
    const struct config *config = knowledge->config;
    json_t *targets = json_array(), *counters = json_object();
    json_int_t published = 0;

    if (knowledge->health) {
        published = (json_int_t)health_published(knowledge->health);
        health_counters(knowledge->health, add_counter, counters);
    }
    for (size_t i = 0; i < config->target_count; i++)
        json_array_append_new(targets, target_json(knowledge, &config->targets[i]));
    json_t *json = json_pack("{s:I, s:o, s:o}", "published", published, "prober", counters,
                             "targets", targets);
    json_object_set_new(json, "processes", processes_json(knowledge));
    json_t *status = read_status(knowledge);
    json_object_set(json, "requests", json_object_get(status, "requests"));
    json_object_set(json, "requests_since", json_object_get(status, "started"));
    json_decref(status);
    json_object_set_new(json, "network_doubt",
                        json_integer((json_int_t)health_network_doubt(knowledge->health)));
    return command_print_json("state", json, JSON_INDENT(2));
}
#else
static void print_requests(const struct knowledge *knowledge)
{
    (void)knowledge;
}

static int print_json(const struct knowledge *knowledge)
{
    (void)knowledge;
    return command_misuse("state", "this build has no JSON: it was made without jansson.");
}
#endif

/* By a share of none nobody is surprised. */
static bool is_out(struct part part)
{
    return part.drained || part.health <= 0;
}

static bool all_up(const struct knowledge *knowledge)
{
    for (size_t i = 0; i < knowledge->config->target_count; i++)
        if (is_out(knowledge_part(knowledge, &knowledge->config->targets[i])))
            return false;
    return true;
}

/* A directory that is there and cannot be used says nothing of targets: that is a finding. */
static bool can_see(const struct knowledge *knowledge)
{
    return knowledge->state.fd >= 0 || knowledge->state.is_missing;
}

static int show(const struct knowledge *knowledge, bool json)
{
    int status = EXIT_FINE;

    if (json) {
        status = print_json(knowledge);
    } else {
        print_table(knowledge);
        print_requests(knowledge);
    }
    if (status == EXIT_FINE && !(can_see(knowledge) && all_up(knowledge)))
        status = EXIT_FINDING;
    if (status == EXIT_FINE && look_around(knowledge, false).refusing > 0)
        status = EXIT_FINDING;
    return status;
}

static int run(const char *file, bool json)
{
    struct config *config = command_load(file, false);
    struct knowledge knowledge;
    char name[] = "state";
    int status = EXIT_FINDING;

    if (config && knowledge_open(&knowledge, config, instant_now(), command_say, name)) {
        status = show(&knowledge, json);
        knowledge_close(&knowledge);
    }
    config_free(config);
    return status;
}

int cmd_state(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .takes_json = true};

    return command_read(&line, argc, argv) ? run(line.file, line.json) : line.status;
}
