/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page: a file that stands for itself, with no script and nothing to load.
 * What comes from elsewhere (names, failures) is written as text only.
 */
#include "config.h"
#include "status/status.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include "route/last_resort.h"
#include "status/atlas.h"
#include "status/map.h"
#include "status/markup.h"
#include "status/page_style.h"
#include "status/public.h"

enum { LIVE_SECONDS = 10 };

/* A point in time, seconds since 1970, as a time element: "2026-11-23 20:15:00 UTC". */
static void write_time(FILE *out, int64_t seconds)
{
    time_t moment = (time_t)seconds;
    char text[32], machine[32];
    struct tm parts;

    if (!gmtime_r(&moment, &parts))
        return;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    strftime(machine, sizeof machine, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(out, "<time datetime=\"%s\">%s UTC</time>", machine, text);
}

/* A heading with what a link or a label names it by. */
static void write_heading(FILE *out, const char *id, const char *text)
{
    fprintf(out, "<h2 id=\"%s\">%s</h2>\n", id, text);
}

/* A row of two columns, what and how many; share of all as a bar, unless all is 0. */
static void write_count(FILE *out, const char *what, uint64_t count, uint64_t all)
{
    fputs("<tr><th scope=\"row\">", out);
    markup_text(out, what);
    fputs("</th><td class=\"number\">", out);
    markup_number(out, count);
    fputs("</td>", out);
    if (all > 0)
        fprintf(out,
                "<td class=\"part\"><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" "
                "aria-hidden=\"true\"><rect width=\"%.1f\" height=\"8\"/></svg> %.1f&#8239;%%</td>",
                100 * (double)count / (double)all, 100 * (double)count / (double)all);
    fputs("</tr>\n", out);
}

/* ---- what is wrong, in short ---- */

struct troubles {
    size_t down, drained, returning, unchecked;
};

static struct troubles count_troubles(const struct status *status)
{
    struct troubles troubles = {0};

    for (size_t i = 0; i < status->target_count; i++) {
        const struct status_target *t = &status->target[i];
        if (t->drained)
            troubles.drained++;
        else if (t->health.state == HEALTH_DOWN)
            troubles.down++;
        else if (t->health.state == HEALTH_RETURNING)
            troubles.returning++;
        else if (t->health.state == HEALTH_NOT_CHECKED)
            troubles.unchecked++;
    }
    return troubles;
}

/* "1 target is down", as a part of a sentence. */
static void write_trouble(FILE *out, const char **between, size_t count, const char *word)
{
    if (count == 0)
        return;
    fprintf(out, "%s%zu target%s %s", *between, count, count == 1 ? " is" : "s are", word);
    *between = ", ";
}

static void write_no_trouble(FILE *out, size_t count, size_t unchecked)
{
    if (unchecked == count)
        fputs("No target has been checked yet: those in use are", out);
    else if (unchecked > 0)
        fprintf(out, "All targets that are checked are up, %zu %s not checked", unchecked,
                unchecked == 1 ? "is" : "are");
    else if (count == 1)
        fputs("The only target is up", out);
    else
        fprintf(out, "All %zu targets are up", count);
}

static void write_verdict(const struct status *status, FILE *out)
{
    const struct troubles t = count_troubles(status);
    const char *between = "";

    if (t.down + t.drained + t.returning == 0) {
        write_no_trouble(out, status->target_count, t.unchecked);
        return;
    }
    write_trouble(out, &between, t.down, "down");
    write_trouble(out, &between, t.drained, "drained");
    write_trouble(out, &between, t.returning, "returning");
}

/* ---- the frame ---- */

static void write_head(const struct status *status, bool live, FILE *out)
{
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
            "'sha256-%s' 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n"
            "<meta name=\"robots\" content=\"noindex\">\n",
            page_style_hash, map_style_hash);
    if (live)
        fprintf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", LIVE_SECONDS);
    fputs("<title>", out);
    write_verdict(status, out);
    fputs(" · ", out);
    markup_slice(out, status->config->name);
    fprintf(out, "</title>\n<style>%s</style>\n<style>%s</style>\n</head>\n", page_style,
            map_style);
}

static void write_live_link(bool live, FILE *out)
{
    if (live)
        fprintf(out,
                "This page loads itself again every %d seconds. <a href=\"index.html\">Let it "
                "stand still</a>.",
                LIVE_SECONDS);
    else
        fprintf(out,
                "This page stands still. <a href=\"live.html\">Load it again every %d "
                "seconds</a>.",
                LIVE_SECONDS);
}

/* What the index has from its sources; an alarm for one without a good answer for a day. */
static void write_sources(const struct status *status, FILE *out)
{
    for (size_t i = 0; i < status->config->index_source_count; i++) {
        const struct index_source *source = &status->config->index_sources[i];
        const struct index_source_status *s = index_status_find(&status->index, source);
        bool calm = s && !index_status_is_stale(s, status->now_s);
        fprintf(out, "<p%s>", calm ? " class=\"when\"" : " class=\"verdict trouble\"");
        fputs("Index from ", out);
        markup_text(out, source->mirrors[0]);
        if (!s || !s->asked_s)
            fputs(": no good answer so far", out);
        else
            fprintf(out, ": serial %" PRIu64 ", %" PRIu64 " lines, asked at ", s->serial, s->lines);
        if (s && s->asked_s)
            write_time(out, s->asked_s);
        if (s && s->reason.text[0]) {
            fputs(". The last time: ", out);
            markup_text(out, s->reason.text);
            fputs("</p>\n", out);
        } else {
            fputs(".</p>\n", out);
        }
    }
}

/* Who is drained and gets requests all the same, for want of another one. */
static void write_last_resorts(const struct status *status, FILE *out)
{
    struct part parts[TARGETS_MAX];
    struct why why;

    for (size_t i = 0; i < status->target_count; i++)
        parts[i] = (struct part){
            .share = status->target[i].share,
            .health = status->target[i].health.known ? status->target[i].health.admit : 1,
            .drained = status->target[i].drained};
    for (size_t i = 0; i < status->target_count; i++) {
        const struct target *target = status->target[i].target;
        if (!parts[i].drained || !last_resort(status->config, parts, target, &why))
            continue;
        fputs("<p class=\"verdict trouble\"><span aria-hidden=\"true\">!</span> ", out);
        markup_text(out, target->name);
        fputs(" is drained, but still gets requests: ", out);
        markup_text(out, why.text);
        fputs(".</p>\n", out);
    }
}

static void write_header(const struct status *status, bool live, FILE *out)
{
    const struct troubles t = count_troubles(status);
    bool calm = t.down + t.drained + t.returning == 0 && !status->network_doubt_s;

    fputs("<body>\n<a class=\"skip\" href=\"#targets\">Skip to the targets</a>\n<header>\n<h1>",
          out);
    markup_slice(out, status->config->name);
    fprintf(out, "</h1>\n<p class=\"verdict %s\"><span aria-hidden=\"true\">%s</span> ",
            calm ? "calm" : "trouble", calm ? "✓" : "!");
    write_verdict(status, out);
    fputs(t.down + t.drained > 0 ? "; clients go elsewhere where they can.</p>\n" : ".</p>\n", out);
    write_last_resorts(status, out);
    if (status->network_doubt_s)
        fputs(
            "<p class=\"verdict trouble\"><span aria-hidden=\"true\">!</span> More than half of "
            "the "
            "targets cannot be connected to: this machine's own network is in doubt, and no target "
            "is taken out of service.</p>\n",
            out);
    fputs("<p class=\"when\">Written at ", out);
    write_time(out, status->now_s);
    fputs(", and again within seconds of any news, at least once a minute: if it is older, the "
          "prober is not running. ",
          out);
    write_live_link(live, out);
    fputs("</p>\n", out);
    write_sources(status, out);
    fputs("</header>\n<main>\n", out);
}

static void write_footer(const struct status *status, FILE *out)
{
    fputs("</main>\n<footer>\n<p>The same for programs: <a href=\"metrics.prom\">metrics.prom</a> "
          "for Prometheus",
          out);
#ifdef HAVE_JANSSON
    fputs(", <a href=\"status.json\">status.json</a>", out);
#endif
    fputs(". Counts begin with the prober, at ", out);
    write_time(out, status->started_s);
    fputs(".</p>\n<p>signpost ", out);
    markup_text(out, status->version);
    fprintf(out,
            ", prober process %d. Places: GeoNames, CC BY 4.0. Coast lines: Natural "
            "Earth.</p>\n</footer>\n</body>\n</html>\n",
            status->process);
}

/* ---- maps ---- */

/* The maps, and what they show as lists, for those who cannot see them. */

static void write_figure(const struct status *status, enum pull_part part, const char *caption,
                         FILE *out)
{
    struct slice svg = atlas_svg(status->atlas, part);

    fputs("<figure>\n", out);
    fwrite(svg.at, 1, svg.len, out);
    fprintf(out, "<figcaption>%s</figcaption>\n</figure>\n", caption);
}

/* The names of the countries that get this part from a target. */
static size_t write_countries(const struct map *map, const struct target *target,
                              enum pull_part part, FILE *out)
{
    size_t count = 0;

    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        const struct place_fact *fact = place_fact(&map->config->places, from->place);
        if (fact->kind != PLACE_COUNTRY || from->target[part] != target)
            continue;
        if (out) {
            fputs(count ? ", " : "", out);
            markup_text(out, fact->name);
        }
        count++;
    }
    return count;
}

static void write_part(const struct map *map, const struct target *target, const char *what,
                       enum pull_part part, FILE *out)
{
    size_t count = write_countries(map, target, part, NULL);

    if (count == 0)
        return;
    fprintf(out, "<dd>%s for %zu %s: ", what, count, count == 1 ? "country" : "countries");
    write_countries(map, target, part, out);
    fputs(".</dd>\n", out);
}

/* Whether the same countries get both parts from a target. */
static bool parts_agree(const struct map *map, const struct target *target)
{
    for (size_t i = 0; i < map->destinations->count; i++) {
        const struct destination *from = &map->destinations->list[i];
        if ((from->target[PULL_IMAGE] == target) != (from->target[PULL_LAYER] == target) &&
            place_fact(&map->config->places, from->place)->kind == PLACE_COUNTRY)
            return false;
    }
    return true;
}

static void write_entry(const struct map *map, const struct target *target, FILE *out)
{
    if (!write_countries(map, target, PULL_IMAGE, NULL) &&
        !write_countries(map, target, PULL_LAYER, NULL))
        return;
    fputs("<dt>", out);
    markup_text(out, target->name);
    fputs("</dt>\n", out);
    if (parts_agree(map, target)) {
        write_part(map, target, "Images and layers", PULL_IMAGE, out);
        return;
    }
    write_part(map, target, "Images", PULL_IMAGE, out);
    write_part(map, target, "Layers", PULL_LAYER, out);
}

static void write_list(const struct map *map, FILE *out)
{
    fputs("<details>\n<summary>Which country goes where, as a list</summary>\n<dl>\n", out);
    for (size_t i = 0; i < map->config->target_count; i++)
        write_entry(map, &map->config->targets[i], out);
    fputs("</dl>\n</details>\n", out);
}

static void write_maps(const struct status *status, FILE *out)
{
    if (!status->atlas || atlas_svg(status->atlas, PULL_IMAGE).len == 0)
        return;
    struct map map = atlas_map(status->atlas, PULL_IMAGE);
    bool layers =
        atlas_layers_differ(status->atlas) && atlas_svg(status->atlas, PULL_LAYER).len > 0;
    fputs("<section aria-labelledby=\"map\">\n", out);
    write_heading(out, "map", "Where clients go now");
    write_figure(status, PULL_IMAGE,
                 "Images, by tag. Each dot is a country, in the colour of its target, and a thin "
                 "line leads there. Circles are upstreams, squares buckets; the numbers are those "
                 "of the table; what is crossed out gets no requests.",
                 out);
    if (layers)
        write_figure(status, PULL_LAYER, "Layers, which are most of the bytes.", out);
    write_list(&map, out);
    fputs("</section>\n", out);
}

/* ---- targets ---- */

/* The table of targets, those in trouble first. */

/* How a state looks to those who cannot tell colours, and which goes first. */
static const struct look {
    const char *word, *class, *sign, *said;
} looks[] = {
    {"down", "down", "▼", "Down"},
    {"drained", "drained", "◆", "Drained"},
    {"returning", "returning", "◐", "Returning"},
    {"not checked", "unchecked", "○", "Not checked"},
    {"up", "up", "●", "Up"},
};

enum { LOOKS = sizeof looks / sizeof *looks, TROUBLED_LOOKS = 3 };

static size_t look_of(const struct status_target *t)
{
    const char *word = status_word(&t->health, t->drained);
    size_t i = 0;

    while (i + 1 < LOOKS && strcmp(looks[i].word, word) != 0)
        i++;
    return i;
}

/* Below the rank of trouble, targets stay in the configuration's order. */
static size_t rank_of(const struct status_target *t)
{
    size_t look = look_of(t);

    return look < TROUBLED_LOOKS ? look : TROUBLED_LOOKS;
}

static void open_cell(FILE *out, const char *label, const char *class)
{
    fprintf(out, "<td role=\"cell\" class=\"%s\" data-label=\"%s\">", class, label);
}

static void write_mark(const struct status *status, size_t i, FILE *out)
{
    if (!status->atlas)
        return;
    struct map map = atlas_map(status->atlas, PULL_IMAGE);
    double r = MAP_MARK_RADIUS;
    fputs("<svg class=\"map key\" viewBox=\"-10 -10 20 20\" aria-hidden=\"true\">", out);
    map_write_mark(&map, &map.layout->marks[i], r, (struct spot){0, 0}, out);
    fputs("</svg> ", out);
}

static void write_name(const struct status *status, size_t i, FILE *out)
{
    const struct target *target = status->target[i].target;
    const struct place_fact *fact = place_fact(&status->config->places, target->place.region);

    fputs("<th scope=\"row\" role=\"rowheader\">", out);
    write_mark(status, i, out);
    fputs("<span class=\"name\">", out);
    markup_text(out, target->name);
    fprintf(out, "</span> <span class=\"aside\">%s", status_kind(target));
    if (!fact)
        fact = place_fact(&status->config->places, target->place.country);
    if (fact && *fact->name) {
        fputs(" in ", out);
        markup_text(out, fact->name);
    }
    fputs("</span></th>", out);
}

static void write_state(const struct status_target *t, FILE *out)
{
    const struct look *look = &looks[look_of(t)];

    fprintf(out,
            "<td role=\"cell\" class=\"health %s\"><span class=\"state\"><span "
            "aria-hidden=\"true\">%s</span> %s</span>",
            look->class, look->sign, look->said);
    if (t->health.known && t->health.changed_s > 0) {
        fputs(" <span class=\"aside\">health since ", out);
        write_time(out, t->health.changed_s);
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void write_failure(const struct status_target *t, FILE *out)
{
    open_cell(out, "Last failure", *t->health.failure ? "" : "nothing");
    if (!*t->health.failure) {
        fputs("<span class=\"aside\">none</span></td>", out);
        return;
    }
    fputs("<span class=\"failure\">", out);
    markup_text(out, t->health.failure);
    fputs("</span>", out);
    if (t->health.failed_s > 0) {
        fputs(" <span class=\"aside\">at ", out);
        write_time(out, t->health.failed_s);
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void write_row(const struct status *status, size_t i, FILE *out)
{
    const struct status_target *t = &status->target[i];

    fputs("<tr role=\"row\">", out);
    write_name(status, i, out);
    write_state(t, out);
    open_cell(out, "Takes", "number");
    fprintf(out, "%ld&#8239;%%", lrint(100 * t->takes));
    if (t->share < 1)
        fprintf(out, " <span class=\"aside\">share %ld&#8239;%%</span>", lrint(100 * t->share));
    fputs("</td>", out);
    open_cell(out, "Sent", "number");
    markup_number(out, counters_sum_target(t->counted));
    fputs("</td>", out);
    open_cell(out, "Probes", "number");
    markup_number(out, t->health.counters.probes);
    fputs("</td>", out);
    open_cell(out, "HEAD", "number");
    if (t->health.head_ms)
        fprintf(out, "%u&#8239;ms</td>", t->health.head_ms);
    else
        fputs("<span class=\"aside\">not yet</span></td>", out);
    write_failure(t, out);
    fputs("</tr>\n", out);
}

static void write_targets(const struct status *status, FILE *out)
{
    fputs("<section aria-labelledby=\"targets\">\n", out);
    write_heading(out, "targets", "Targets");
    fputs("<p>Those in trouble come first. <em>Takes</em> is the part of the requests meant for a "
          "target that it gets now, <em>sent</em> counts the redirects to it, <em>HEAD</em> is how "
          "long the prober waits for one answer.</p>\n"
          "<table class=\"targets\" role=\"table\" aria-labelledby=\"targets\">\n"
          "<thead role=\"rowgroup\"><tr role=\"row\">",
          out);
    static const char *const titles[] = {"Target", "State", "Takes",       "Sent",
                                         "Probes", "HEAD",  "Last failure"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        fprintf(out, "<th scope=\"col\" role=\"columnheader\"%s>%s</th>",
                i >= 2 && i <= 5 ? " class=\"number\"" : "", titles[i]);
    fputs("</tr></thead>\n<tbody role=\"rowgroup\">\n", out);
    for (size_t rank = 0; rank <= TROUBLED_LOOKS; rank++)
        for (size_t i = 0; i < status->target_count; i++)
            if (rank_of(&status->target[i]) == rank)
                write_row(status, i, out);
    fputs("</tbody>\n</table>\n</section>\n", out);
}

/* ---- counts ---- */

/* What has been counted: requests, decisions, and the prober's work. */

/* ---- requests ---- */

static void open_table(FILE *out, const char *caption, bool parts)
{
    fprintf(out,
            "<table class=\"counts\">\n<caption>%s</caption>\n<thead class=\"unseen\"><tr><th "
            "scope=\"col\">What</th><th scope=\"col\">Count</th>%s</tr></thead>\n<tbody>\n",
            caption, parts ? "<th scope=\"col\">Part</th>" : "");
}

static void close_table(FILE *out)
{
    fputs("</tbody>\n</table>\n", out);
}

static const char *continent_name(const struct status *status, size_t i)
{
    const struct place_fact *fact =
        place_fact(&status->config->places, status->counters->continent[i]);

    return i == CONTINENT_UNKNOWN || !fact ? counters_continents[i] : fact->name;
}

static const char *status_meaning(const char *code)
{
    static const char *const meanings[][2] = {
        {"200", "200, answered here"},    {"307", "307, redirected"},
        {"400", "400, no digest"},        {"404", "404, no such path"},
        {"405", "405, not GET or HEAD"},  {"414", "414, query too long"},
        {"503", "503, no configuration"},
    };

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i][0], code) == 0)
            return meanings[i][1];
    return code;
}

static void write_requests(const struct status *status, FILE *out)
{
    const struct counters_sums sums = counters_sum(status->counters);

    fputs("<section aria-labelledby=\"requests\">\n", out);
    write_heading(out, "requests", "Requests");
    fputs("<p>", out);
    markup_number(out, sums.all);
    fputs(sums.all == 1 ? " request has been answered.</p>\n"
                        : " requests have been answered.</p>\n",
          out);
    if (sums.all > 0) {
        fputs("<div class=\"columns\">\n", out);
        open_table(out, "By what they ask for", true);
        for (size_t i = 0; i < CLASSES; i++)
            if (sums.class[i])
                write_count(out, class_name((enum request_class)i), sums.class[i], sums.all);
        close_table(out);
        open_table(out, "By status", true);
        for (size_t i = 0; i < STATUSES; i++)
            if (sums.status[i])
                write_count(out, status_meaning(counters_statuses[i]), sums.status[i], sums.all);
        close_table(out);
        open_table(out, "By the client’s continent", true);
        for (size_t i = 0; i < CONTINENTS; i++)
            if (sums.continent[i])
                write_count(out, continent_name(status, i), sums.continent[i], sums.all);
        close_table(out);
        fputs("</div>\n", out);
    }
    fputs("</section>\n", out);
}

/* ---- the prober ---- */

static const struct {
    const char *name, *what; /* the prober's word for it, and what people are told */
} lines[] = {
    {"clients", "Responders connected"},
    {"questions", "Questions of responders"},
    {"hits", "Verdicts that it knew already"},
    {"probes", "HEAD requests sent"},
    {"shared", "Answered by a HEAD already under way"},
    {"present", "… found there"},
    {"absent", "… found missing"},
    {"unknown", "… without a clear answer"},
    {"refused", "Not looked for: the budget was spent"},
    {"skipped", "Not looked for: the target was down"},
    {"overflow", "Not looked for: too much was under way"},
    {"checks", "Checks whether a target is up"},
    {"cache_present", "Findings kept of what is there"},
    {"cache_absent", "Findings kept of what is not"},
};

static const struct {
    enum happening happening;
    const char *what;
} happenings[] = {
    {HAPPENED_IN_TIME, "Requests that waited for the prober, and got their answer"},
    {HAPPENED_LATE, "… but without its answer: it came too late"},
    {HAPPENED_DESERTED, "… but without its answer: the prober ended"},
    {HAPPENED_NO_PROBER, "Requests that could not ask the prober"},
    {HAPPENED_CROWDED, "Requests that did not wait: too many did"},
    {HAPPENED_CONNECTION, "Connections of web servers"},
    {HAPPENED_MALFORMED, "Connections closed for what was sent on them"},
    {HAPPENED_RELOAD, "Configurations taken"},
    {HAPPENED_REFUSED_RELOAD, "Configurations refused"},
    {HAPPENED_DROPPED_LINE, "Lines of the log that could not be written"},
};

static const char *const knowings[KNOWINGS] = {
    [KNOWN_BY_INDEX] = "Requests by digest that the index decided",
    [KNOWN_BY_CACHE] = "… that the cache decided",
    [KNOWN_BY_PROBER] = "… that the prober was asked about",
    [NOT_KNOWN] = "… that nobody knew about",
};

static void write_lines(const struct status *status, FILE *out)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t j = 0; j < status->prober_count; j++)
            if (strcmp(lines[i].name, status->prober[j].name) == 0)
                write_count(out, lines[i].what, status->prober[j].value, 0);
}

/* The time within which this part of all decisions was made, at most. */
static uint64_t time_within(const struct counters_general *general, double part)
{
    uint64_t all = 0, some = 0;
    size_t i = 0;

    for (size_t k = 0; k < TOOK_BUCKETS; k++)
        all += general->took[k];
    for (; i + 1 < TOOK_BUCKETS; i++) {
        some += general->took[i];
        if ((double)some >= part * (double)all)
            break;
    }
    return all > 0 ? counters_took_ns[i] : 0;
}

static void write_span(FILE *out, uint64_t ns)
{
    if (ns == UINT64_MAX)
        fputs("longer than is measured", out);
    else if (ns < 1000000)
        fprintf(out, "%g&#8239;µs", (double)ns / 1e3);
    else
        fprintf(out, "%g&#8239;ms", (double)ns / 1e6);
}

static void write_times(const struct status *status, FILE *out)
{
    uint64_t half = time_within(&status->counters->general, 0.5);
    uint64_t most = time_within(&status->counters->general, 0.99);

    if (half == 0)
        return;
    fputs("<p>Half of the decisions took at most ", out);
    write_span(out, half);
    fputs(", 99 of 100 at most ", out);
    write_span(out, most);
    fputs(", waiting included.</p>\n", out);
}

static void write_prober(const struct status *status, FILE *out)
{
    fputs("<section aria-labelledby=\"prober\">\n", out);
    write_heading(out, "prober", "Responders and prober");
    write_times(status, out);
    fputs("<div class=\"columns\">\n", out);
    open_table(out, "What the prober did", false);
    write_lines(status, out);
    close_table(out);
    open_table(out, "What responders met with", false);
    for (size_t i = 0; i < KNOWINGS; i++)
        write_count(out, knowings[i], status->counters->general.known[i], 0);
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++)
        write_count(out, happenings[i].what,
                    status->counters->general.happened[happenings[i].happening], 0);
    close_table(out);
    fputs("</div>\n</section>\n", out);
}

/* ---- all of it ---- */

static void write_page(const struct status *status, bool live, FILE *out)
{
    write_head(status, live, out);
    write_header(status, live, out);
    write_maps(status, out);
    write_targets(status, out);
    write_requests(status, out);
    write_prober(status, out);
    write_footer(status, out);
}

void status_write_page(const struct status *status, FILE *out)
{
    write_page(status, false, out);
}

void status_write_live_page(const struct status *status, FILE *out)
{
    write_page(status, true, out);
}
