/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page: a file that stands for itself, with no script and nothing to load.
 * What comes from elsewhere (names, failures) is written as text only.
 */
#include "config.h"
#include "status/page_parts.h"

#include <inttypes.h>
#include <time.h>
#include "last_resort.h"
#include "status/map.h"
#include "status/markup.h"
#include "status/page_style.h"
#include "status/public.h"

enum { LIVE_SECONDS = 10 };

void page_write_number(FILE *out, uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, number);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
}

void page_write_time(FILE *out, int64_t seconds)
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

void page_write_heading(FILE *out, const char *id, const char *text)
{
    fprintf(out, "<h2 id=\"%s\">%s</h2>\n", id, text);
}

void page_write_count(FILE *out, const char *what, uint64_t count, uint64_t all)
{
    fputs("<tr><th scope=\"row\">", out);
    markup_text(out, what);
    fputs("</th><td class=\"number\">", out);
    page_write_number(out, count);
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
            page_write_time(out, s->asked_s);
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
    page_write_time(out, status->now_s);
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
    page_write_time(out, status->started_s);
    fputs(".</p>\n<p>signpost ", out);
    markup_text(out, status->version);
    fprintf(out,
            ", prober process %d. Places: GeoNames, CC BY 4.0. Coast lines: Natural "
            "Earth.</p>\n</footer>\n</body>\n</html>\n",
            status->process);
}

static void write_page(const struct status *status, bool live, FILE *out)
{
    write_head(status, live, out);
    write_header(status, live, out);
    page_write_maps(status, out);
    page_write_targets(status, out);
    page_write_requests(status, out);
    page_write_prober(status, out);
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
