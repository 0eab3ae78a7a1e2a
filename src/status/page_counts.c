/* SPDX-License-Identifier: Apache-2.0 */
/* What has been counted: requests, decisions, and the prober's work. */
#include "status/page_parts.h"

#include <string.h>

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

void page_write_requests(const struct status *status, FILE *out)
{
    const struct counters_sums sums = counters_sum(status->counters);

    fputs("<section aria-labelledby=\"requests\">\n", out);
    page_write_heading(out, "requests", "Requests");
    fputs("<p>", out);
    page_write_number(out, sums.all);
    fputs(sums.all == 1 ? " request has been answered.</p>\n"
                        : " requests have been answered.</p>\n",
          out);
    if (sums.all > 0) {
        fputs("<div class=\"columns\">\n", out);
        open_table(out, "By what they ask for", true);
        for (size_t i = 0; i < CLASSES; i++)
            if (sums.class[i])
                page_write_count(out, class_name((enum request_class)i), sums.class[i], sums.all);
        close_table(out);
        open_table(out, "By status", true);
        for (size_t i = 0; i < STATUSES; i++)
            if (sums.status[i])
                page_write_count(out, status_meaning(counters_statuses[i]), sums.status[i],
                                 sums.all);
        close_table(out);
        open_table(out, "By the client’s continent", true);
        for (size_t i = 0; i < CONTINENTS; i++)
            if (sums.continent[i])
                page_write_count(out, continent_name(status, i), sums.continent[i], sums.all);
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
    {HAPPENED_LATE, "… in vain: it came too late"},
    {HAPPENED_DESERTED, "… in vain: it ended"},
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
                page_write_count(out, lines[i].what, status->prober[j].value, 0);
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

void page_write_prober(const struct status *status, FILE *out)
{
    fputs("<section aria-labelledby=\"prober\">\n", out);
    page_write_heading(out, "prober", "Responders and prober");
    write_times(status, out);
    fputs("<div class=\"columns\">\n", out);
    open_table(out, "What the prober did", false);
    write_lines(status, out);
    close_table(out);
    open_table(out, "What responders met with", false);
    for (size_t i = 0; i < KNOWINGS; i++)
        page_write_count(out, knowings[i], status->counters->general.known[i], 0);
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++)
        page_write_count(out, happenings[i].what,
                         status->counters->general.happened[happenings[i].happening], 0);
    close_table(out);
    fputs("</div>\n</section>\n", out);
}
