/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C while something long is done, and files that were cut short by it. */
#include "cmd/progress.h"
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "tap.h"

/* Takes what is pending away. */
static int take(void)
{
    static const struct timespec at_once = {0};
    sigset_t set;

    sigfillset(&set);
    return sigtimedwait(&set, NULL, &at_once);
}

static void test_interrupt(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    interrupt_hold();
    ok(!interrupt_came(), "nothing has come");
    interrupt_wait(0.01);
    ok(!interrupt_came(), "nor after a while");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        raise(signals[i]);
        ok(interrupt_came(), "signal %d has come", signals[i]);
        interrupt_wait(1000);
        ok(interrupt_came(), "which ends a wait, and is known still");
        cmp_ok(take(), ==, signals[i], "it was that");
    }
    raise(SIGINT);
    raise(SIGTERM);
    ok(interrupt_came(), "two have come");
    take();
    ok(interrupt_came(), "one of them is left");
    take();
    ok(!interrupt_came(), "and none");
}

static bool is_torn(const char *text)
{
    FILE *file = tmpfile();

    if (!file || fputs(text, file) < 0)
        exit(99);
    bool torn = progress_is_torn(file, "first 1");
    fclose(file);
    return torn;
}

static void test_torn(void)
{
    ok(is_torn("") && is_torn("f") && is_torn("first 1"), "a part of the first line is torn");
    ok(!is_torn("first 1\n") && !is_torn("first 1x"), "a whole one is not");
    ok(!is_torn("other") && !is_torn("fx"), "nor is another one");
}

int main(void)
{
    test_interrupt();
    test_torn();
    return done_testing();
}
