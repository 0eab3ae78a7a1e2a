/* SPDX-License-Identifier: Apache-2.0 */
/* How much comes to a target, by counts and a clock that the test gives. */
#include "prober/flow.h"
#include "tap.h"

/* What has been counted of a target, and a clock. */
struct scene {
    struct counters_target counted;
    struct flow flow;
    double share;
    bool is_down;
    int64_t now_ms;
};

static struct instant now_of(const struct scene *scene)
{
    return (struct instant){.steady_ms = scene->now_ms};
}

/* Seconds in which so many requests a second come: sent to it, and extra ones. */
static void elapse(struct scene *scene, int seconds, unsigned sent, unsigned extra)
{
    for (int tick = 0; tick < 4 * seconds; tick++) {
        scene->now_ms += 250;
        scene->counted.redirected[0][0] += sent / 4;
        scene->counted.extra_left += extra / 4;
        flow_measure(&scene->flow, &(struct flow_sight){&scene->counted, scene->share,
                                                        scene->is_down, now_of(scene)});
    }
}

static void draw(struct scene *scene, unsigned in, unsigned out)
{
    scene->counted.in_share += in;
    scene->counted.out_of_share += out;
    elapse(scene, 1, 0, 0);
}

/* In per mille. */
static int extra_part(const struct scene *scene, double per_second, double adrift)
{
    return (int)(1000 * flow_extra_part(&scene->flow, per_second, adrift, now_of(scene)) + 0.5);
}

static void check_rates(void)
{
    struct scene s = {.now_ms = 1000, .share = 1};

    elapse(&s, 10, 400, 0);
    ok(s.flow.sent > 390 && s.flow.sent < 410, "a steady rate is measured: %.1f", s.flow.sent);
    elapse(&s, 10, 0, 0);
    ok(s.flow.sent < 5, "and its end: %.1f", s.flow.sent);
    s.counted = (struct counters_target){0};
    elapse(&s, 1, 0, 0);
    ok(s.flow.sent >= 0, "counters that begin anew are no negative rate");
}

static void check_extra(void)
{
    struct scene gone = {.now_ms = 1000, .share = 1}, next = gone;

    elapse(&gone, 10, 2000, 0);
    elapse(&next, 10, 100, 0);
    cmp_ok(extra_part(&next, 50, flow_adrift(&gone.flow, now_of(&gone))), ==, 1000,
           "while all are up, a stand-in is free to take what comes");
    gone.is_down = true;
    elapse(&gone, 1, 0, 0);
    elapse(&next, 1, 100, 2000);
    int part = extra_part(&next, 50, flow_adrift(&gone.flow, now_of(&gone)));
    ok(part >= 24 && part <= 26, "what is lost could all come: 50 of 2000 a second (%d ‰)", part);
    elapse(&gone, 5, 0, 0);
    elapse(&next, 5, 100, 400);
    cmp_ok(flow_adrift(&gone.flow, now_of(&gone)), ==, 0, "then it is known to whom it goes");
    part = extra_part(&next, 50, 0);
    ok(part >= 105 && part <= 126, "and the part is made of that: 50 of 400 (%d ‰)", part);
    elapse(&next, 10, 100, 0);
    cmp_ok(extra_part(&next, 50, 0), ==, 1000, "all is well again");
}

static void check_restart(void)
{
    struct scene s = {.now_ms = 1000, .share = 1};

    s.flow.has_former_part = true;
    s.flow.former_part = 0.1;
    elapse(&s, 2, 0, 800);
    cmp_ok(extra_part(&s, 50, 0), ==, 100, "a new prober keeps to the part of the one before it");
    elapse(&s, 5, 0, 800);
    int part = extra_part(&s, 50, 0);
    ok(part >= 60 && part <= 66, "until it has measured itself (%d ‰)", part);
}

static void check_share(void)
{
    struct scene s = {.now_ms = 1000, .share = 0.05};

    draw(&s, 50, 50);
    elapse(&s, 4, 0, 0);
    ok(s.flow.in == 0 && s.flow.out == 0, "what comes with a new share is by the one before");
    draw(&s, 5, 95);
    ok(s.flow.in == 5 && s.flow.out == 95, "then requests are counted");
    draw(&s, 5, 95);
    ok(s.flow.in == 10 && s.flow.out == 190, "all of them");
    s.share = 0.25;
    draw(&s, 5, 95);
    elapse(&s, 4, 0, 0);
    draw(&s, 25, 75);
    ok(s.flow.in == 25 && s.flow.out == 75, "another share is counted anew");
    s.counted = (struct counters_target){.in_share = 1, .out_of_share = 3};
    elapse(&s, 1, 0, 0);
    ok(s.flow.in == 0 && s.flow.out == 0, "as is one whose counters begin anew");
}

int main(void)
{
    check_rates();
    check_extra();
    check_restart();
    check_share();
    return done_testing();
}
