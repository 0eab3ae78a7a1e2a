/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/index/index_wait.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/progress.h"
#include "core/instant.h"
#include "prober/jitter.h"
#include "registry/http.h"
#include "status/public.h"

enum {
    REQUEST_MS = 5000, /* at most, so that a silent door does not hold up the others */
    LAST_MS = 1000     /* for the last questions */
};

/* ---- a status ---- */

/* Whether two addresses of a source are alike, but for a slash at the end. */
static bool same_source(const char *a, const char *b)
{
    struct slice one = slice_of(a), other = slice_of(b);

    one.len -= slice_ends(one, SLICE("/"));
    other.len -= slice_ends(other, SLICE("/"));
    return slice_equal(one, other);
}

/* The addresses of sources, for a sentence. */
static void list_sources(const json_t *sources, struct why *names)
{
    const json_t *source;
    size_t i;

    names->text[0] = '\0';
    json_array_foreach(sources, i, source)
    {
        size_t len = strlen(names->text);
        const char *name = json_string_value(json_object_get(source, "source"));
        snprintf(names->text + len, sizeof names->text - len, "%s%s", i ? ", " : "",
                 name ? name : "?");
    }
}

static const json_t *find_source(const json_t *sources, const char *wanted)
{
    const json_t *source;
    size_t i;

    if (!wanted)
        return json_array_get(sources, 0);
    json_array_foreach(sources, i, source)
    {
        const char *name = json_string_value(json_object_get(source, "source"));
        if (name && same_source(name, wanted))
            return source;
    }
    return NULL;
}

static enum index_wait_verdict judge_source(const json_t *source, uint64_t serial, struct why *why)
{
    json_int_t has = json_integer_value(json_object_get(source, "serial"));
    const char *name = json_string_value(json_object_get(source, "source"));
    const char *reason = json_string_value(json_object_get(source, "reason"));
    bool refused = reason && *reason;

    if (has >= 0 && (uint64_t)has >= serial)
        return INDEX_WAIT_HAS;
    name = name ? name : "its source";
    if (has <= 0)
        why_not(why, "has nothing of %s yet%s%s", name, refused ? ": " : ".",
                refused ? reason : "");
    else
        why_not(why, "has serial %" JSON_INTEGER_FORMAT " of %s, not %" PRIu64 "%s%s", has, name,
                serial, refused ? ": " : ".", refused ? reason : "");
    return INDEX_WAIT_LACKS;
}

static enum index_wait_verdict judge(const json_t *status, const char *wanted, uint64_t serial,
                                     struct why *why)
{
    const json_t *sources = json_object_get(status, "index_sources");
    struct why names;

    if (!json_is_array(sources)) {
        why_not(why, "is not the status (" PUBLIC_JSON ") of a signpost that knows index sources.");
        return INDEX_WAIT_LACKS;
    }
    if (json_array_size(sources) == 0) {
        why_not(why, "has not asked any index source yet.");
        return INDEX_WAIT_LACKS;
    }
    list_sources(sources, &names);
    if (!wanted && json_array_size(sources) > 1) {
        why_not(why, "has several index sources: name one with --source: %s.", names.text);
        return INDEX_WAIT_UNCLEAR;
    }
    const json_t *source = find_source(sources, wanted);
    if (source)
        return judge_source(source, serial, why);
    why_not(why, "has no source %s, but %s.", wanted, names.text);
    return INDEX_WAIT_LACKS;
}

enum index_wait_verdict index_wait_judge(struct slice text, const char *source, uint64_t serial,
                                         struct why *why)
{
    json_t *status = json_loadb(text.at, text.len, 0, NULL);
    enum index_wait_verdict verdict = judge(status, source, serial, why);

    json_decref(status);
    return verdict;
}

/* ---- doors ---- */

struct door {
    char *url; /* of its status */
    enum index_wait_verdict verdict;
    struct why why;
};

static enum index_wait_verdict ask(struct http *http, const struct index_wait *call,
                                   const char *url, int64_t ends_ms, struct why *why)
{
    struct http_request request = {.url = url, .ca_file = call->ca_file, .ends_ms = ends_ms};
    struct http_response response;
    struct why reason = {""};

    if (http_ask(http, &request, &response, &reason) && response.status == 200)
        return index_wait_judge(response.body, call->source, call->serial, why);
    if (!reason.text[0])
        why_not(&reason, "the answer is %ld", response.status);
    why_not(why, "cannot be read: %s.", reason.text);
    return INDEX_WAIT_LACKS;
}

/* When a request ends: the time that is left is for all doors that have not been asked. */
static int64_t end_of_request(const struct index_wait *call, int64_t end_ms, size_t doors)
{
    int64_t now_ms = instant_now().steady_ms, part_ms = (end_ms - now_ms) / (int64_t)doors;

    return now_ms + (call->timeout_s <= 0 || part_ms > REQUEST_MS ? REQUEST_MS
                     : part_ms > 0                                ? part_ms
                                                                  : 1);
}

/* Asks those that did not have it. */
static enum index_wait_verdict ask_all(struct http *http, const struct index_wait *call,
                                       struct door *doors, int64_t end_ms,
                                       struct progress *progress)
{
    enum index_wait_verdict worst = INDEX_WAIT_HAS;
    size_t having = 0;

    for (size_t i = 0; i < call->url_count; i++) {
        if (doors[i].verdict != INDEX_WAIT_HAS)
            doors[i].verdict =
                ask(http, call, doors[i].url, end_of_request(call, end_ms, call->url_count - i),
                    &doors[i].why);
        if (doors[i].verdict > worst)
            worst = doors[i].verdict;
        having += doors[i].verdict == INDEX_WAIT_HAS;
        progress_show(progress, "%zu of %zu have serial %" PRIu64, having, call->url_count,
                      call->serial);
    }
    return worst;
}

static void rest(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

static bool wait_for_all(struct http *http, const struct index_wait *call, struct door *doors)
{
    struct instant now = instant_now();
    int64_t end_ms = now.steady_ms + (int64_t)(1000 * call->timeout_s);
    struct jitter jitter = {(uint64_t)now.steady_ms | 1};
    struct progress progress;
    enum index_wait_verdict verdict;

    progress_start(&progress);
    while ((verdict = ask_all(http, call, doors, end_ms, &progress)) == INDEX_WAIT_LACKS) {
        double left_s = (double)(end_ms - LAST_MS - instant_now().steady_ms) / 1000;
        double pause_s = call->interval_s * (1 - jitter_next(&jitter) / 10);
        if (left_s <= 0)
            break;
        rest(pause_s < left_s ? pause_s : left_s);
    }
    progress_wipe(&progress);
    return verdict == INDEX_WAIT_HAS;
}

static bool doors_begin(const struct index_wait *call, struct door *doors)
{
    for (size_t i = 0; i < call->url_count; i++) {
        const char *url = call->urls[i];
        bool is_folder = slice_ends(slice_of(url), SLICE("/"));
        doors[i].verdict = INDEX_WAIT_LACKS;
        if (asprintf(&doors[i].url, "%s%s", url, is_folder ? PUBLIC_JSON : "") < 0) {
            doors[i].url = NULL;
            return false;
        }
    }
    return true;
}

static void report(const struct index_wait *call, const struct door *doors, bool all)
{
    if (all)
        printf("%zu front door%s: serial %" PRIu64 ".\n", call->url_count,
               call->url_count == 1 ? "" : "s", call->serial);
    for (size_t i = 0; i < call->url_count; i++)
        if (doors[i].verdict != INDEX_WAIT_HAS)
            fprintf(stderr, "signpost index: %s %s\n", doors[i].url, doors[i].why.text);
}

bool index_wait(const struct index_wait *call)
{
    struct door *doors = calloc(call->url_count, sizeof *doors);
    struct http *http = http_new();
    bool ready = doors && http && doors_begin(call, doors);
    bool all = ready && wait_for_all(http, call, doors);

    if (ready)
        report(call, doors, all);
    else
        fputs("signpost index: there is not enough memory.\n", stderr);
    for (size_t i = 0; doors && i < call->url_count; i++)
        free(doors[i].url);
    free(doors);
    http_free(http);
    return all;
}
