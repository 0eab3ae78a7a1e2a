/* SPDX-License-Identifier: Apache-2.0 */
/* When many targets fail at once: is it they, or this machine's own network? */
#include "config.h"
#include "asking.h"
#include "prober/remote.h"
#include "tap.h"

enum { WALL_S = 1700000000 };

static const struct probing rules = {.interval_ms = 10000};
static struct config *config;
static struct remotes remotes;

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, WALL_S + ms / 1000};
}

/* Each target as a letter: g good, f fails now, d is down long since, o checked long ago. */
static void set(const char *states)
{
    for (size_t i = 0; i < remotes.count; i++) {
        struct monitor *monitor = &remotes.list[i]->monitor;
        char state = states[i];
        *monitor = (struct monitor){.is_checked = state != '-',
                                    .network_failed = state != 'g',
                                    .is_down = state == 'd' || state == 'n',
                                    .checked_ms = at(state == 'o' ? -13001 : -13000).steady_ms,
                                    .down_ms = at(state == 'd' ? -13001 : -13000).steady_ms};
    }
}

/* Three at AWS, two at Google, three without a region, in this order. */
static const struct {
    const char *states;
    bool doubt;
    const char *why;
} samples[] = {
    {"gggggg--", false, "all is well"},
    {"ffffff--", true, "all fail"},
    {"fffggg--", false, "half of them fail"},
    {"ffffgg--", true, "more than half fail, of two providers"},
    {"fffgg---", false, "all of one provider fail, and two others answer"},
    {"fffg----", true, "all of one provider fail, and one other answers"},
    {"ff-fg---", true, "two providers fail"},
    {"f--ffg--", true, "the second differs from the first"},
    {"ff--gf--", true, "one that fails is of no provider"},
    {"ggg--f--", false, "it is one"},
    {"---ggfff", true, "all of no provider fail, and two others answer"},
    {"fff-----", false, "there are only three"},
    {"fffddd--", false, "who is down since long does not count"},
    {"fffnnn--", true, "who went down just now does"},
    {"fffooo--", false, "who was checked long ago does not count"},
    {"-fff----", false, "who was never checked does not count"},
};

static void test_doubt(void)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        set(samples[i].states);
        remotes.network_doubt_s = 0;
        bool news = remotes_doubt_network(&remotes, &config->places, &rules, at(0));
        ok(news == samples[i].doubt && remotes.network_doubt_s == (samples[i].doubt ? WALL_S : 0),
           "%s: %s", samples[i].states, samples[i].why);
    }
}

static void test_news(void)
{
    set("ffffff--");
    remotes.network_doubt_s = 0;
    ok(remotes_doubt_network(&remotes, &config->places, &rules, at(0)), "it begins");
    ok(!remotes_doubt_network(&remotes, &config->places, &rules, at(0)), "it goes on");
    cmp_ok(remotes.network_doubt_s, ==, WALL_S, "since when it began");
    set("gggggg--");
    ok(remotes_doubt_network(&remotes, &config->places, &rules, at(0)), "it ends");
    cmp_ok(remotes.network_doubt_s, ==, 0, "which is known");
}

int main(void)
{
    config = config_of("name = \"r\"; canonical = \"a1\"; upstreams = {"
                       "  a1 = { url = \"https://a1\"; place = \"aws:eu-west-1\"; };"
                       "  a2 = { url = \"https://a2\"; place = \"aws:eu-west-2\"; };"
                       "  a3 = { url = \"https://a3\"; place = \"aws:eu-west-3\"; };"
                       "  g1 = { url = \"https://g1\"; place = \"gcp:us-east1\"; };"
                       "  g2 = { url = \"https://g2\"; place = \"gcp:us-west1\"; };"
                       "  x = { url = \"https://x\"; place = \"FR\"; };"
                       "  y = { url = \"https://y\"; place = \"FR\"; };"
                       "  z = { url = \"https://z\"; place = \"FR\"; }; };");
    remotes_take(&remotes, config);
    test_doubt();
    test_news();
    remotes_clear(&remotes);
    config_free(config);
    return done_testing();
}
