/* SPDX-License-Identifier: Apache-2.0 */
/* The table of targets, those in trouble first. */
#include "status/page_parts.h"

#include <math.h>
#include <string.h>
#include "status/atlas.h"
#include "status/markup.h"

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
        page_write_time(out, t->health.changed_s);
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
        page_write_time(out, t->health.failed_s);
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
    page_write_number(out, counters_sum_target(t->counted));
    fputs("</td>", out);
    open_cell(out, "Probes", "number");
    page_write_number(out, t->health.counters.probes);
    fputs("</td>", out);
    open_cell(out, "HEAD", "number");
    if (t->health.head_ms)
        fprintf(out, "%u&#8239;ms</td>", t->health.head_ms);
    else
        fputs("<span class=\"aside\">not yet</span></td>", out);
    write_failure(t, out);
    fputs("</tr>\n", out);
}

void page_write_targets(const struct status *status, FILE *out)
{
    fputs("<section aria-labelledby=\"targets\">\n", out);
    page_write_heading(out, "targets", "Targets");
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
