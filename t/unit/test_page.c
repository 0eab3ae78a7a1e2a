/* SPDX-License-Identifier: Apache-2.0 */
/* The status page: what it says of targets and counts, and what becomes of hostile text. */
#include <stdlib.h>

#include "asking.h"
#include "status/atlas.h"
#include "status/markup.h"
#include "status/public.h"
#include "status/status.h"
#include "tap.h"

static char page[1 << 20];

static const char *written(void (*write)(const struct status *, FILE *),
                           const struct status *status)
{
    FILE *out = fmemopen(page, sizeof page, "w");

    write(status, out);
    fputc(0, out);
    fclose(out);
    return page;
}

static const char *number(uint64_t n)
{
    FILE *out = fmemopen(page, sizeof page, "w");

    markup_number(out, n);
    fputc(0, out);
    fclose(out);
    return page;
}

static void check_numbers(void)
{
    is(number(0), "0", "nothing");
    is(number(999), "999", "hundreds");
    is(number(1000), "1,000", "thousands");
    is(number(UINT64_MAX), "18,446,744,073,709,551,615", "all there is");
}

/* ---- a status of four targets ---- */

static struct config *config;
static struct counters *counters;
static struct status status;

static struct status_target target_like(size_t i, enum health_state state, double admit)
{
    return (struct status_target){
        .target = &config->targets[i],
        .health = {.known = true, .state = state, .admit = admit, .changed_s = 1700000000},
        .share = 1,
        .takes = admit,
        .counted = &counters->target[i]};
}

static void make_status(void)
{
    config = config_of("name = \"r.example.org\"; canonical = \"a\"; upstreams = ("
                       "  { name = \"a\"; url = \"https://a\"; place = \"FR\"; },"
                       "  { name = \"b\"; url = \"https://b\"; place = \"US\"; },"
                       "  { name = \"c\"; url = \"https://c\"; place = \"onprem:x\"; },"
                       "  { name = \"d\"; url = \"https://d\"; place = \"JP\"; } );"
                       "places = ( { name = \"onprem:x\"; title = \"<i>&\"; country = \"BR\";"
                       "  latitude = -10.0; longitude = -50.0; } );");
    counters = counters_new(config);
    status = (struct status){.version = "1.2.3",
                             .config = config,
                             .now_s = 1700000000,
                             .started_s = 1600000000,
                             .target_count = 4,
                             .counters = counters};
    for (size_t i = 0; i < 4; i++)
        status.target[i] = target_like(i, true, 1);
}

/* Whether b follows a on the page, both being there. */
static bool follows(const char *a, const char *b)
{
    const char *first = strstr(page, a);

    return first && strstr(first, b);
}

/* A drained target that nobody else stands in for. */
static void check_last_resort(void)
{
    status.target[1].drained = true;
    written(status_write_page, &status);
    ok(!strstr(page, "still gets requests"), "a drained target gets no requests");
    status.target[0].drained = true;
    written(status_write_page, &status);
    like(page, "a is drained, but still gets requests: no other canonical upstream is in service",
         "but the canonical one, which is said");
    status.target[0].drained = status.target[1].drained = false;
}

static void check_calm(void)
{
    written(status_write_page, &status);
    like(page, "<title>All 4 targets are up · r.example.org</title>", "the title: all is well");
    like(page, "<time datetime=\"2023-11-14T22:13:20Z\">2023-11-14 22:13:20 UTC</time>", "when");
    like(page, "signpost 1.2.3", "by which version");
    like(page, "<p>0 requests have been answered.</p>", "no requests yet");
    ok(follows("name\">a<", "name\">b<") && follows("name\">b<", "name\">c<"),
       "the configuration's order");
    like(page, "upstream in &lt;i&gt;&amp;</span>", "a place's name is text");
    ok(!strstr(page, "<i>") && !strstr(page, "<script") && !strstr(page, "http-equiv=\"refresh\""),
       "and no element; no script, no loading again");
    ok(!strstr(page, " style=\"") && !strstr(page, " onclick"), "no style that is refused");
    like(written(status_write_live_page, &status), "<meta http-equiv=\"refresh\" content=\"10\">",
         "the live page loads itself again");
}

static void check_trouble(void)
{
    status.target[1].drained = true;
    status.target[1].takes = 0;
    status.target[2] = target_like(2, HEALTH_RETURNING, 0.3);
    status.target[3] = target_like(3, HEALTH_DOWN, 0);
    status.target[3].health.failed_s = 1700000100;
    strcpy(status.target[3].health.failure, "</td><b>\x1b[0m' \"\xff&amp;");
    counters->target[0].redirected[CLASS_BLOB][1] = 1234567;
    counters->changes++;
    written(status_write_page, &status);
    like(page, "<title>1 target is down, 1 target is drained, 1 target is returning · ",
         "the title");
    ok(follows("name\">d<", "name\">b<") && follows("name\">b<", "name\">c<") &&
           follows("name\">c<", "name\">a<"),
       "down, drained, returning, and then the rest");
    like(page, "&lt;/td&gt;&lt;b&gt;\xef\xbf\xbd[0m&#39; &quot;\xef\xbf\xbd&amp;amp;</span>",
         "a failure is text, whatever it is");
    like(page, "at <time datetime=\"2023-11-14T22:15:00Z\">", "and has its time");
    like(page, "30&#8239;%", "a part of the requests");
    like(page, "1,234,567 requests have been answered", "requests are counted");
    like(page, "<th scope=\"row\">blob</th><td class=\"number\">1,234,567</td>", "by class");
}

static void check_maps(void)
{
    struct atlas *atlas = atlas_new(config);

    ok(atlas && atlas_svg(atlas, PULL_IMAGE).len == 0, "an atlas, with no map before it knows");
    written(status_write_page, &status);
    ok(!strstr(page, "<figure>"), "without maps the page has none");
    ok(atlas_refresh(atlas, &status), "it takes in how the targets are");
    status.atlas = atlas;
    written(status_write_page, &status);
    like(page, "<title>Japan: images from ", "a country");
    ok(!strstr(page, "images from d ") && !strstr(page, "images from b "),
       "nobody goes to what is down or drained");
    like(page, "upstream d, Japan (down)", "which is marked");
    const char *before = atlas_svg(atlas, PULL_IMAGE).at;
    status.now_s += 5;
    counters->target[0].redirected[CLASS_BLOB][1]++;
    atlas_refresh(atlas, &status);
    ok(atlas_svg(atlas, PULL_IMAGE).at == before, "for a count the map is not drawn again");
    status.target[3] = target_like(3, HEALTH_UP, 1);
    atlas_refresh(atlas, &status);
    written(status_write_page, &status);
    like(page, "<title>Japan: images from d (0 km), layers from d (0 km)</title>",
         "who is up again is on the map again");
    atlas_free(atlas);
}

int main(void)
{
    check_numbers();
    make_status();
    check_calm();
    check_last_resort();
    check_trouble();
    check_maps();
    counters_free(counters);
    config_free(config);
    return done_testing();
}
