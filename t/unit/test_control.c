/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks of running processes, by way of the state directory. */
#include "state/control.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "asking.h"
#include "tap.h"

static char directory[] = "/tmp/signpost-control-XXXXXX";
static char mark[CONTROL_MARK_SIZE];
static struct control control;
static struct state state;
static struct config *config;

static const struct target *named(const char *name)
{
    return config_target(config, slice_of(name));
}

static bool is_drained(const char *name)
{
    return control_wish(&control, named(name)).drained;
}

/* In percent; -100: none is set. */
static int share_of(const char *name)
{
    float share = control_wish(&control, named(name)).share;
    return (int)(share * 100 + (share > 0 ? 0.5F : -0.5F));
}

/* How many targets have a wish. */
static int wishes(void)
{
    int count = 0;

    for (size_t i = 0; i < config->target_count; i++)
        count += control.wish[i].drained || control.wish[i].share >= 0;
    return count;
}

static const char *path_of(const char *file)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, file);
    return path;
}

/* Puts a file in the place of the control file, as an editor would. */
static void write_file(const char *text)
{
    FILE *file = fopen(path_of("edited"), "w");
    char edited[128];

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        diag("%s cannot be written", path_of("edited"));
    snprintf(edited, sizeof edited, "%s", path_of("edited"));
    rename(edited, path_of("control"));
}

static void check_nothing(void)
{
    control_open(&control, &state, config);
    cmp_ok(wishes(), ==, 0, "without a file nothing is drained");
    cmp_ok(control_refresh(&control), ==, CONTROL_SAME, "and nothing is asked");
}

static void check_reload(void)
{
    struct control other;

    ok(control_ask_reload(directory, mark, NULL), "a reload can be asked for");
    cmp_ok(control_refresh(&control), ==, CONTROL_RELOAD, "who looks sees it");
    is(control.reload, mark, "and knows it by its mark");
    char former[CONTROL_MARK_SIZE];
    snprintf(former, sizeof former, "%s", mark);
    control_ask_reload(directory, mark, NULL);
    cmp_ok(strcmp(mark, former), >, 0, "a later one is greater");
    write_file("reload = \"4000000000.999999999 by 1\";");
    control_ask_reload(directory, mark, NULL);
    like(mark, "4000000001.000000000 by ", "and so it is where the clock was set back");
    write_file("reload = \"nonsense\";");
    control_ask_reload(directory, mark, NULL);
    cmp_ok(strcmp(mark, "4000000000"), <, 0, "what is no mark changes nothing");
    control_refresh(&control);
    cmp_ok(control_refresh(&control), ==, CONTROL_SAME, "once");
    control_open(&other, &state, config);
    cmp_ok(control_refresh(&other), ==, CONTROL_SAME, "who starts later has the new one already");
    control_ask_reload(directory, mark, NULL);
    cmp_ok(control_refresh(&control), ==, CONTROL_RELOAD, "the next one is seen");
    cmp_ok(control_refresh(&other), ==, CONTROL_RELOAD, "by all");
    ok(access(path_of(".control.new"), F_OK) < 0, "nothing else is left in the directory");
}

static void check_drain(void)
{
    ok(control_drain(directory, "eu", true, NULL), "a target can be drained");
    cmp_ok(control_refresh(&control), ==, CONTROL_CHANGED, "who looks sees it, and no reload");
    ok(is_drained("eu"), "it is drained");
    cmp_ok(wishes(), ==, 1, "and none of a similar name");
    control_drain(directory, "us", true, NULL);
    control_drain(directory, "eu", true, NULL);
    control_ask_reload(directory, mark, NULL);
    cmp_ok(control_refresh(&control), ==, CONTROL_RELOAD, "a reload leaves it so");
    ok(is_drained("eu") && is_drained("us"), "for both");
    control_drain(directory, "eu", false, NULL);
    control_refresh(&control);
    ok(!is_drained("eu") && is_drained("us"), "it ends for one alone, and at once: twice is once");
    ok(control_drain(directory, "eu", false, NULL), "to end what is not drained is fine");
}

static void check_removal(void)
{
    control_drain(directory, "eu", true, NULL);
    control_refresh(&control);
    unlink(path_of("control"));
    cmp_ok(control_refresh(&control), ==, CONTROL_CHANGED, "a file that is gone is no reload");
    cmp_ok(wishes(), ==, 0, "and drains nobody");
    cmp_ok(control_refresh(&control), ==, CONTROL_SAME, "which is said once");
}

/* Who has broken the file by hand loses nothing of what was set. */
static void check_broken(void)
{
    static const char *const broken[] = {"{{{", "drained = [ \"eu\" ", "\xff\xfe"};
    struct why why = {""};

    unlink(path_of("control"));
    control_drain(directory, "eu", true, NULL);
    control_refresh(&control);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_file(broken[i]);
        cmp_ok(control_refresh(&control), ==, CONTROL_DAMAGED, "broken %zu is told of", i);
        cmp_ok(control_refresh(&control), ==, CONTROL_SAME, "  once");
        ok(is_drained("eu"), "  and what was drained stays so");
        ok(!control_drain(directory, "us", true, &why), "  a change is refused");
        like(why.text, "damaged", "  with the reason");
    }
    unlink(path_of("control"));
    cmp_ok(control_refresh(&control), ==, CONTROL_CHANGED, "without it all begins anew");
    cmp_ok(wishes(), ==, 0, "  with no wishes");
}

/* What makes no sense in the file is taken for nothing, and replaced. */
static void check_damage(void)
{
    static const char *const damages[] = {"",
                                          "drained = 5; reload = 7;",
                                          "drained = \"eu\";",
                                          "drained = [ 1, 2 ];",
                                          "drained = ( { }, 1.5 );",
                                          "drained = { eu = 1; };",
                                          "shares = 5;",
                                          "shares = [ \"eu\", \"us\" ];",
                                          "shares = ( \"eu\", { }, { target = \"eu\"; } );",
                                          "shares = ( { target = 1; share = 0.5; } );",
                                          "shares = ( { target = \"eu\"; share = \"1\"; } );",
                                          ("shares = ( { target = \"eu\"; share = 1.5; },"
                                           "           { target = \"eu\"; share = -0.1; } );")};

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        write_file(damages[i]);
        cmp_ok(control_refresh(&control), ==, CONTROL_CHANGED, "damage %zu is no reload", i);
        cmp_ok(wishes(), ==, 0, "  and wishes nothing");
    }
    write_file("drained = \"eu\";");
    control_drain(directory, "eu", true, NULL);
    control_refresh(&control);
    ok(is_drained("eu"), "a wrong list is replaced");
    write_file("shares = ( \"eu\", { }, { target = \"us\"; share = 0.5; } );");
    control_set_share(directory, "eu", 0.25F, NULL);
    control_refresh(&control);
    ok(share_of("eu") == 25 && share_of("us") == 50, "so is what is wrong in one");
    write_file("other = 1; drained = [ \"us\" ];");
    control_ask_reload(directory, mark, NULL);
    control_refresh(&control);
    ok(is_drained("us"), "what else it says is kept");
}

static void check_strangers(void)
{
    write_file("drained = [ \"gone\", \"eu\" ]; shares = ( { target = \"gone\"; share = 0.5; } );");
    control_refresh(&control);
    ok(is_drained("eu") && wishes() == 1, "names of no target are passed over");
    control_drain(directory, "us", true, NULL);
    control_refresh(&control);
    ok(is_drained("eu") && is_drained("us"), "and do not harm");
}

static void check_shares(void)
{
    unlink(path_of("control"));
    control_drain(directory, "us", true, NULL);
    ok(control_set_share(directory, "eu", 0.05F, NULL), "a share can be set");
    control_refresh(&control);
    cmp_ok(share_of("eu"), ==, 5, "it is seen");
    ok(share_of("us") == -100 && is_drained("us"), "of this one alone, and nothing else changes");
    control_set_share(directory, "eu", 0, NULL);
    control_refresh(&control);
    cmp_ok(share_of("eu"), ==, 0, "none is a share, too");
    control_set_share(directory, "eu2", 1, NULL);
    control_set_share(directory, "eu", CONTROL_NO_SHARE, NULL);
    control_refresh(&control);
    ok(share_of("eu") == -100 && share_of("eu2") == 100, "it ends for one alone");
}

static void check_links(void)
{
    struct why why = {""};
    char elsewhere[128];

    write_file("drained = [ \"eu\" ];");
    snprintf(elsewhere, sizeof elsewhere, "%s", path_of("elsewhere"));
    if (rename(path_of("control"), elsewhere) < 0 || symlink("elsewhere", path_of("control")) < 0)
        diag("no link can be made");
    cmp_ok(control_open(&control, &state, config), ==, CONTROL_DAMAGED,
           "a symbolic link is no control file");
    cmp_ok(wishes(), ==, 0, "and is not followed");
    unlink(path_of("control"));
    unlink(path_of("elsewhere"));
    ok(!control_ask_reload("/nonexistent", mark, &why), "there is no such directory");
    like(why.text, "/nonexistent", "  which is said");
    control_open(&control, NULL, config);
    cmp_ok(control_refresh(&control), ==, CONTROL_SAME, "without a directory nothing is asked");
    chmod(directory, 0777);
    ok(!control_ask_reload(directory, mark, &why), "a directory that all may write to is refused");
    chmod(directory, 0700);
}

int main(void)
{
    if (!mkdtemp(directory)) {
        printf("Bail out! %s: %s\n", directory, strerror(errno));
        return 1;
    }
    config =
        config_of("name = \"r\"; canonical = \"us\"; upstreams = { eu = { url = \"https://a\"; };"
                  " eu2 = { url = \"https://b\"; }; us = { url = \"https://c\"; }; };");
    state_begin(&state, directory);
    check_nothing();
    check_reload();
    check_drain();
    check_shares();
    check_removal();
    check_broken();
    check_damage();
    check_strangers();
    check_links();
    unlink(path_of("control"));
    state_end(&state);
    config_free(config);
    ok(rmdir(directory) == 0, "the directory is empty at the end");
    return done_testing();
}
